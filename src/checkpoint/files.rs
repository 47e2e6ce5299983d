//! Finds a checkpoint's files, in a folder or on the hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{CheckpointName, shards};
use crate::architecture::Architecture;
use crate::hub::{Commit, Hub, Repository, Snapshot};
use crate::machine::input_file::{InputFile, MIB};
use crate::terminal::listed;

/// SentencePiece models, under the names that transformers gives them.
pub const SENTENCEPIECE_FILES: [&str; 3] = ["sentencepiece.bpe.model", "spm.model", "spiece.model"];

/// Files with a vocabulary, in order of preference; one must exist.
const VOCABULARY_FILES: [&str; 6] =
    ["tokenizer.json", "vocab.txt", "vocab.json", SENTENCEPIECE_FILES[0], SENTENCEPIECE_FILES[1], SENTENCEPIECE_FILES[2]];

/// Files beside the vocabulary that affect token ids.
const OTHER_TOKENIZER_FILES: [&str; 3] = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

/// Weights files, in order of preference.
const WEIGHTS_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Maximum size of `config.json` in bytes.
const LARGEST_CONFIG: u64 = 16 * MIB;
/// Maximum size of a tokenizer file in bytes; those for a hundred languages have half of that.
const LARGEST_TOKENIZER: u64 = 64 * MIB;
/// Maximum size of `vocab.txt` in bytes.
const LARGEST_VOCABULARY: u64 = 16 * MIB;

/// The files of a checkpoint: contents at the time they were found, and the paths of the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `config.json`.
    pub config: InputFile,
    /// The weights: one file, or all shards in name order; empty if not requested.
    pub weights: Vec<PathBuf>,
    /// `tokenizer.json`, or `vocab.txt` if there is no `tokenizer.json`.
    pub tokenizer: InputFile,
    /// The other tokenizer files that exist.
    pub tokenizer_extras: Vec<InputFile>,
    /// The commit that the files come from, if they come from the hub.
    pub commit: Option<Commit>,
    /// A note for the user about how they were found.
    pub remark: Option<String>,
}

/// The architecture that a `config.json` describes.
///
/// # Errors
/// The file cannot be read, or does not describe a supported encoder.
pub fn read_architecture(path: &Path) -> Result<Architecture> {
    architecture_of(&InputFile::read(path, LARGEST_CONFIG)?)
}

fn architecture_of(config: &InputFile) -> Result<Architecture> {
    let parsed = Architecture::parse(config.text()?);
    parsed.with_context(|| format!("{} does not describe a supported encoder", config.path().display()))
}

impl Files {
    /// Finds the files, downloading those on the hub that are not cached.
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
        // Includes names that are not regular files, which are rejected by name later.
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
        let tokenizer = tokenizer_files(|name| Ok(existing(name)))?;
        let Some(tokenizer) = tokenizer else {
            bail!("no tokenizer, which is one of {}: {}", VOCABULARY_FILES.join(", "), listing())
        };
        Self::read(&config, weights, &tokenizer)
    }

    fn on_hub(id: &str, revision: Option<&str>, with_weights: bool, hub: &Hub) -> Result<Self> {
        let gathered = hub.gather(&Repository::model(id, revision), &["config.json"], |snapshot| {
            let config = snapshot.first_of(&["config.json"])?;
            let tokenizer = tokenizer_files(|name| Ok(snapshot.find(name)?))?;
            let tokenizer = tokenizer.ok_or_else(|| snapshot.missing(&VOCABULARY_FILES.join(" or ")))?;
            let weights = if with_weights { weights_of(snapshot)? } else { Vec::new() };
            Ok((config, weights, tokenizer))
        })?;
        let (config, weights, tokenizer) = gathered.value;
        let files = Self::read(&config, weights, &tokenizer)?;
        Ok(Self { commit: Some(gathered.commit), remark: gathered.remark, ..files })
    }

    /// `tokenizer` is not empty; its first entry contains the vocabulary.
    fn read(config: &Path, weights: Vec<PathBuf>, tokenizer: &[PathBuf]) -> Result<Self> {
        let config = InputFile::read(config, LARGEST_CONFIG)?;
        let mut tokenizer_extras = tokenizer.iter().map(|path| read_tokenizer(path)).collect::<Result<Vec<_>>>()?;
        let tokenizer = tokenizer_extras.remove(0);
        Ok(Self { config, weights, tokenizer, tokenizer_extras, commit: None, remark: None })
    }

    /// The architecture that `config.json` describes.
    pub fn architecture(&self) -> Result<Architecture> {
        architecture_of(&self.config)
    }

    /// Vocabularies beside the tokenizer, used or not. On the hub, only those that are in its cache.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn other_vocabularies(&self) -> Result<Vec<InputFile>> {
        let names = VOCABULARY_FILES.iter().chain(&["merges.txt"]);
        let paths = names.map(|name| self.tokenizer.path().with_file_name(name)).filter(|path| is_there(path));
        paths.filter(|path| path != self.tokenizer.path()).map(|path| read_tokenizer(&path)).collect()
    }

    /// All tokenizer files.
    pub fn tokenizer_files(&self) -> impl Iterator<Item = &InputFile> {
        std::iter::once(&self.tokenizer).chain(&self.tokenizer_extras)
    }
}

fn read_tokenizer(path: &Path) -> Result<InputFile> {
    let is_plain = path.extension().is_some_and(|extension| extension == "txt");
    let file = InputFile::read(path, if is_plain { LARGEST_VOCABULARY } else { LARGEST_TOKENIZER })?;
    let is_text = path.extension().is_none_or(|extension| extension != "model");
    ensure!(!is_text || !file.bytes().contains(&0), "{} contains zero bytes: it is damaged", path.display());
    Ok(file)
}

/// Whether a folder holds weights named like `model-00001-of-00002.safetensors`.
fn has_parts(folder: &Path) -> bool {
    let is_part = |path: &Path| {
        let is_weights = path.extension().is_some_and(|extension| extension == "safetensors" || extension == "bin");
        is_weights && path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("-of-"))
    };
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_part(&entry.path())))
}

/// The tokenizer files among those that `find` finds, the vocabulary first; `None` without a vocabulary.
fn tokenizer_files(find: impl Fn(&str) -> Result<Option<PathBuf>>) -> Result<Option<Vec<PathBuf>>> {
    let mut found = Vec::new();
    for name in VOCABULARY_FILES {
        found.extend(find(name)?.map(|path| (name, path)));
        // Part of identities since before there were other vocabularies.
        if name == "vocab.txt" && !found.is_empty() {
            break;
        }
    }
    let Some((vocabulary, _)) = found.first() else { return Ok(None) };
    if *vocabulary != "tokenizer.json" && *vocabulary != "vocab.txt" {
        found.truncate(1);
    }
    let beside = if found[0].0 == "vocab.json" { &["merges.txt"][..] } else { &[] };
    for name in beside.iter().chain(&OTHER_TOKENIZER_FILES) {
        found.extend(find(name)?.map(|path| (*name, path)));
    }
    Ok(Some(found.into_iter().map(|(_, path)| path).collect()))
}

/// Whether the name exists, even as a broken symbolic link.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The weights in a folder: one file, or the shards listed in an index.
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

/// The weights in a snapshot from the hub: one file, or the shards listed in an index.
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

/// Follows a run's `checkpoints/best`, a file that names the folder next to it.
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
