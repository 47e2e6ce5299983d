//! Finding a checkpoint's files: in a folder, or on the hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{CheckpointName, shards};
use crate::architecture::Architecture;
use crate::hub::{Commit, Hub, Repository, Snapshot};
use crate::machine::input_file::{InputFile, MIB};
use crate::terminal::listed;

/// Files that make a tokenizer; at least one of the first two must be there.
pub const TOKENIZER_FILES: [&str; 5] =
    ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

/// Weights files, the preferred first.
const WEIGHTS_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Bytes that `config.json` may have.
const LARGEST_CONFIG: u64 = 16 * MIB;
/// Bytes that a file of the tokenizer may have; those of a hundred languages have half of it.
const LARGEST_TOKENIZER: u64 = 64 * MIB;
/// Bytes that a plain vocabulary may have.
const LARGEST_VOCABULARY: u64 = 16 * MIB;

/// The files of a checkpoint: what they held when they were found, and where the weights are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `config.json`.
    pub config: InputFile,
    /// The weights: one file, or every shard in the order of their names; empty where they were not asked for.
    pub weights: Vec<PathBuf>,
    /// `tokenizer.json` or, where that is all there is, `vocab.txt`.
    pub tokenizer: InputFile,
    /// The other files of the tokenizer that are there.
    pub tokenizer_extras: Vec<InputFile>,
    /// The commit that all of them come from, where they come from the hub.
    pub commit: Option<Commit>,
    /// What people should know of how they were found.
    pub remark: Option<String>,
}

/// What the `config.json` of this path describes.
///
/// # Errors
/// It cannot be read, or describes something other than a supported encoder.
pub fn read_architecture(path: &Path) -> Result<Architecture> {
    architecture_of(&InputFile::read(path, LARGEST_CONFIG)?)
}

fn architecture_of(config: &InputFile) -> Result<Architecture> {
    let parsed = Architecture::parse(config.text()?);
    parsed.with_context(|| format!("{} does not describe a supported encoder", config.path().display()))
}

impl Files {
    /// Finds the files, downloading what is on the hub and not cached.
    ///
    /// # Errors
    /// The folder or the repository does not exist or lacks a file; a file cannot be read; the hub cannot be reached.
    pub fn find(name: &CheckpointName, with_weights: bool, hub: &Hub) -> Result<Self> {
        match name {
            CheckpointName::Folder(folder) => Self::in_folder(folder, with_weights),
            CheckpointName::Hub { id, revision } => Self::on_hub(id, revision.as_deref(), with_weights, hub),
        }
    }

    fn in_folder(folder: &Path, with_weights: bool) -> Result<Self> {
        let folder = &follow_pointer(folder)?;
        ensure!(folder.is_dir(), "there is no checkpoint folder {}", folder.display());
        std::fs::read_dir(folder).with_context(|| format!("cannot read the checkpoint folder {}", folder.display()))?;
        // Also what turns out to be no file: it is refused by its name then.
        let existing = |name: &str| Some(folder.join(name)).filter(|path| is_there(path));
        let listing = || format!("{} holds {}", folder.display(), list(folder));
        let inside = ["checkpoints/best", "best"].into_iter().map(|inner| folder.join(inner)).find(|inner| inner.is_file());
        let hint = || inside.as_ref().map_or(String::new(), |inside| format!("; did you mean {}?", inside.display()));
        let config = existing("config.json").with_context(|| format!("no config.json: {}{}", listing(), hint()))?;
        let weights = if with_weights { weights_in(folder)? } else { Vec::new() };
        if with_weights && weights.is_empty() {
            let index =
                if has_parts(folder) { "the weights are sharded, and the index that names the shards is missing; " } else { "" };
            bail!("{index}no {}: {}", WEIGHTS_FILES.join(" or "), listing());
        }
        let tokenizer: Vec<PathBuf> = TOKENIZER_FILES.iter().filter_map(|name| existing(name)).collect();
        ensure!(tokenizer.first().is_some_and(|path| is_vocabulary(path)), "no tokenizer.json and no vocab.txt: {}", listing());
        Self::read(&config, weights, &tokenizer)
    }

    fn on_hub(id: &str, revision: Option<&str>, with_weights: bool, hub: &Hub) -> Result<Self> {
        let gathered = hub.gather(&Repository::model(id, revision), &["config.json"], |snapshot| {
            let config = snapshot.first_of(&["config.json"])?;
            let vocabulary = snapshot.first_of(&TOKENIZER_FILES[..2])?;
            let others = TOKENIZER_FILES.iter().map(|name| snapshot.find(name)).collect::<Result<Vec<_>, _>>()?;
            let others = others.into_iter().flatten().filter(|path| *path != vocabulary);
            let tokenizer: Vec<PathBuf> = std::iter::once(vocabulary.clone()).chain(others).collect();
            let weights = if with_weights { weights_of(snapshot)? } else { Vec::new() };
            Ok((config, weights, tokenizer))
        })?;
        let (config, weights, tokenizer) = gathered.value;
        let files = Self::read(&config, weights, &tokenizer)?;
        Ok(Self { commit: Some(gathered.commit), remark: gathered.remark, ..files })
    }

    /// `tokenizer` is not empty, and begins with what the vocabulary is in.
    fn read(config: &Path, weights: Vec<PathBuf>, tokenizer: &[PathBuf]) -> Result<Self> {
        let config = InputFile::read(config, LARGEST_CONFIG)?;
        let read = |path: &PathBuf| {
            let is_plain = path.extension().is_some_and(|extension| extension == "txt");
            let file = InputFile::read(path, if is_plain { LARGEST_VOCABULARY } else { LARGEST_TOKENIZER })?;
            ensure!(!file.bytes().contains(&0), "{} contains zero bytes: it is damaged", path.display());
            Ok(file)
        };
        let mut tokenizer_extras = tokenizer.iter().map(read).collect::<Result<Vec<_>>>()?;
        let tokenizer = tokenizer_extras.remove(0);
        Ok(Self { config, weights, tokenizer, tokenizer_extras, commit: None, remark: None })
    }

    /// What `config.json` describes.
    pub fn architecture(&self) -> Result<Architecture> {
        architecture_of(&self.config)
    }

    /// Everything that the tokenizer is made of.
    pub fn tokenizer_files(&self) -> impl Iterator<Item = &InputFile> {
        std::iter::once(&self.tokenizer).chain(&self.tokenizer_extras)
    }
}

/// Whether a folder holds weights named like `model-00001-of-00002.safetensors`.
fn has_parts(folder: &Path) -> bool {
    let is_part = |path: &Path| {
        let is_weights = path.extension().is_some_and(|extension| extension == "safetensors" || extension == "bin");
        is_weights && path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("-of-"))
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_part(&entry.path())))
}

fn is_vocabulary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tokenizer.json" || name == "vocab.txt")
}

/// Whether something has this name, a link that leads nowhere included.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The weights in a folder: one file, or the shards that an index names.
fn weights_in(folder: &Path) -> Result<Vec<PathBuf>> {
    for name in WEIGHTS_FILES {
        let (whole, index) = (folder.join(name), folder.join(shards::index_of(name)));
        if is_there(&whole) {
            return Ok(vec![whole]);
        }
        if is_there(&index) {
            let paths: Vec<PathBuf> = shards::named_by(&index)?.iter().map(|shard| folder.join(shard)).collect();
            if let Some(missing) = paths.iter().find(|path| !is_there(path)) {
                bail!("{} names {}, which does not exist", index.display(), missing.display());
            }
            return Ok(paths);
        }
    }
    Ok(Vec::new())
}

/// The weights in a commit of the hub: one file, or the shards that an index names.
fn weights_of(snapshot: &Snapshot<'_>) -> Result<Vec<PathBuf>> {
    for name in WEIGHTS_FILES {
        if let Some(whole) = snapshot.find(name)? {
            return Ok(vec![whole]);
        }
        if let Some(index) = snapshot.find(&shards::index_of(name))? {
            let names = shards::named_by(&index)?;
            return names.iter().map(|shard| Ok(snapshot.first_of(&[shard])?)).collect();
        }
    }
    Err(snapshot.missing(&WEIGHTS_FILES.join(" or ")).into())
}

/// `checkpoints/best` of a run is a file that names the folder beside it.
fn follow_pointer(path: &Path) -> Result<PathBuf> {
    if !path.is_file() {
        return Ok(path.to_path_buf());
    }
    let file = InputFile::read(path, MIB).with_context(|| format!("{} is a file, not a checkpoint folder", path.display()))?;
    let folder = path.with_file_name(file.text()?.trim());
    ensure!(folder.is_dir(), "{} is neither a checkpoint folder nor the name of one", path.display());
    Ok(folder)
}

fn list(folder: &Path) -> String {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort_unstable();
    if names.is_empty() { "nothing".into() } else { listed(&names) }
}
