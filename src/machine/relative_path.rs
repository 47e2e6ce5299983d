//! Paths stored in files that may be moved together with the paths' targets.

use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Returns the path to store in a file in `folder` for `target`: relative, so that both can be moved together, or absolute
/// if the target is on another file system and so does not move along.
#[must_use]
pub fn written(folder: &Path, target: &Path) -> PathBuf {
    let (Ok(from), Ok(to)) = (folder.canonicalize(), target.canonicalize()) else { return target.to_path_buf() };
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).ok();
    if device(&from) == device(&to) { between(&from, &to) } else { to }
}

/// Resolves a path stored in a file in `folder`.
#[must_use]
pub fn read(folder: &Path, written: &Path) -> PathBuf {
    if written.is_absolute() {
        return written.to_path_buf();
    }
    let path = folder.join(written);
    path.canonicalize().unwrap_or(path)
}

/// Returns the relative path from one absolute path to another, neither containing symbolic links.
#[must_use]
pub fn between(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(shared)).collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_together_is_found_again() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["a/runs/x_sweep", "a/bert"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let folder = root.join("a/runs/x_sweep");
        let path = written(&folder, &root.join("a/bert"));
        assert_eq!(path, Path::new("../../bert"));
        assert_eq!(read(&folder, &path), root.join("a/bert"));
        std::fs::rename(root.join("a"), root.join("b")).unwrap();
        assert_eq!(read(&root.join("b/runs/x_sweep"), &path), root.join("b/bert"));
    }

    #[test]
    fn other_file_systems_and_what_is_not_there_keep_their_path() {
        let root = tempfile::tempdir().unwrap();
        // /proc is a separate file system.
        assert_eq!(written(root.path(), Path::new("/proc/sys")), Path::new("/proc/sys"));
        assert_eq!(written(root.path(), Path::new("/not/there")), Path::new("/not/there"));
        assert_eq!(read(root.path(), Path::new("/not/there")), Path::new("/not/there"));
        assert_eq!(between(Path::new("/a/b"), Path::new("/a/b")), Path::new("."));
        assert_eq!(between(Path::new("/a/b"), Path::new("/a")), Path::new(".."));
    }
}
