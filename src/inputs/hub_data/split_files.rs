//! Which files of a repository belong to a split by their names, as `datasets` infers it for repositories that do not say:
//! <https://huggingface.co/docs/datasets/repository_structure>.

use std::collections::BTreeMap;

/// A split that an experiment names files for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataSplit {
    Train,
    Validation,
    Test,
}

impl DataSplit {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Returns the split's name, and the setting's.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words()[0]
    }

    /// Returns what the split is called in the names of files and folders.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train", "training"],
            Self::Validation => &["validation", "valid", "dev", "val"],
            Self::Test => &["test", "testing", "eval", "evaluation"],
        }
    }
}

/// How a repository's files say to which split they belong. If any file follows a convention, those after it are not considered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Convention {
    /// `data/train-00000-of-00002.parquet`, as `push_to_hub` writes it.
    Parts,
    /// A word of a folder's name.
    Folder,
    /// A word of the file's name.
    File,
    /// Nothing does: everything is for training.
    Nothing,
}

impl Convention {
    const IN_ORDER: [Self; 4] = [Self::Parts, Self::Folder, Self::File, Self::Nothing];

    /// Returns the folder in which a file of the split belongs together with others, if the file is one of the split.
    fn folder(self, path: &str, split: DataSplit) -> Option<&str> {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        match self {
            Self::Parts => {
                let name = split_of_part(path)?;
                split.words().contains(&name).then_some(folder)
            }
            Self::Folder => {
                let mut start = 0;
                for part in folder.split('/') {
                    if split.words().iter().any(|word| has_word(part, word, true)) {
                        return Some(folder[..start].trim_end_matches('/'));
                    }
                    start += part.len() + 1;
                }
                None
            }
            Self::File => split.words().iter().any(|word| has_word(file, word, false)).then_some(folder),
            Self::Nothing => (split == DataSplit::Train).then_some(folder),
        }
    }

    fn is_followed_by(self, path: &str) -> bool {
        // Parts may be those of any split.
        if self == Self::Parts {
            split_of_part(path).is_some()
        } else {
            DataSplit::ALL.iter().any(|split| self.folder(path, *split).is_some())
        }
    }
}

/// Returns a split's files in order, by the folder in which they lie together. Several folders are several data sets, or several
/// configurations of one.
#[must_use]
pub fn files_by_folder(files: &[&str], split: DataSplit) -> BTreeMap<String, Vec<String>> {
    let files: Vec<&str> = files.iter().copied().filter(|path| !is_hidden(path)).collect();
    let followed = Convention::IN_ORDER.into_iter().find(|convention| files.iter().any(|path| convention.is_followed_by(path)));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files {
        if let Some(folder) = followed.and_then(|convention| convention.folder(path, split)) {
            found.entry(folder.into()).or_default().push(path.into());
        }
    }
    for files in found.values_mut() {
        files.sort_unstable();
    }
    found
}

/// Returns a part's number and how many there should be: `train-00000-of-00002.parquet`.
#[must_use]
pub fn part(path: &str) -> Option<(usize, usize)> {
    let (before, after) = path.rsplit('/').next()?.split_once("-of-")?;
    let number = |digits: &str| (digits.len() == 5).then(|| digits.parse().ok()).flatten();
    let place = before.len().checked_sub(5)?;
    Some((number(before.get(place..)?)?, number(after.get(..5)?)?))
}

fn split_of_part(path: &str) -> Option<&str> {
    let file = path.strip_prefix("data/").filter(|file| !file.contains('/'))?;
    part(file)?;
    let (before, after) = file.split_once("-of-")?;
    after.contains('.').then_some(())?;
    before[..before.len() - 5].strip_suffix('-')
}

/// Whether a word stands in a name between characters that part words; only a folder's name may end with it.
fn has_word(name: &str, word: &str, may_end: bool) -> bool {
    let parts = |character: char| character.is_ascii_digit() || "-._ ".contains(character);
    name.match_indices(word).any(|(start, _)| {
        let (before, after) = (name[..start].chars().next_back(), name[start + word.len()..].chars().next());
        before.is_none_or(parts) && after.map_or(may_end, parts)
    })
}

/// Files that describe a data set, and those in folders of tools.
fn is_hidden(path: &str) -> bool {
    let described =
        ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "dummy_data.zip", "README.md"];
    let file = path.rsplit('/').next().unwrap_or(path);
    described.contains(&file) || path.split('/').any(|part| part.starts_with('.') || part.starts_with("__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `datasets` finds (tests/reference/make_hub_splits.py).
    #[test]
    fn files_belong_to_the_splits_that_datasets_finds() {
        let golden: serde_json::Value = serde_json::from_str(include_str!("../../../tests/golden/hub_splits.json")).unwrap();
        let golden = golden.as_array().unwrap();
        assert!(golden.len() > 20);
        for case in golden {
            let files: Vec<&str> = case["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
            for split in DataSplit::ALL {
                let mut found: Vec<String> = files_by_folder(&files, split).into_values().flatten().collect();
                found.sort_unstable();
                let expected = case["splits"].get(split.name()).cloned().unwrap_or(serde_json::json!([]));
                assert_eq!(serde_json::json!(found), expected, "{} of {files:?}", split.name());
            }
        }
    }

    #[test]
    fn files_lie_together_above_what_names_the_split() {
        let folders = |files: &[&str]| files_by_folder(files, DataSplit::Train).into_keys().collect::<Vec<_>>();
        assert_eq!(folders(&["de/train.csv", "en/train.csv"]), ["de", "en"]);
        assert_eq!(folders(&["train/a/x.csv", "train/b/y.csv"]), [""]);
        assert_eq!(folders(&["x/de/train/1.csv", "x/en/train/1.csv"]), ["x/de", "x/en"]);
        assert_eq!(folders(&["data/train-00000-of-00001.parquet", "en/train.csv"]), ["data"]);
        assert_eq!(folders(&["a/x.csv", "b/x.csv"]), ["a", "b"]);
    }

    #[test]
    fn parts_have_numbers() {
        assert_eq!(part("data/train-00001-of-00012.parquet"), Some((1, 12)));
        assert_eq!(part("train-00001-of-00012-0123456789abcdef.parquet"), Some((1, 12)));
        for path in ["train.csv", "1-of-2.csv", "list-of-00002.csv", "é00001-of-0000é.csv", "-of-"] {
            assert_eq!(part(path), None, "{path}");
        }
    }
}
