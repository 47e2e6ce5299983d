//! Links to run directories.

use std::path::{Component, Path, PathBuf};

/// The way from the page's folder to a folder, as a link.
#[must_use]
pub fn link(to: &Path, folder: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let (to, folder) = (whole(to), whole(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }));
    let shared = to.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(shared)).collect();
    let encode = |c: char| if c.is_ascii_alphanumeric() || "-._~/".contains(c) { c.to_string() } else { percent(c) };
    way.to_string_lossy().chars().map(encode).collect::<String>() + "/"
}

fn percent(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes).bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}
