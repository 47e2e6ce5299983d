//! The configurations of a data set, which the card of its repository declares with the files of each split:
//! <https://huggingface.co/docs/hub/datasets-manual-configuration>.

use anyhow::{Result, anyhow};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::split_files::DataSplit;

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    pub name: String,
    is_default: bool,
    /// The folder that patterns are relative to.
    pub folder: String,
    /// Patterns of files by split; `None` if the names of the files say what they are.
    pub patterns: Option<Vec<(String, Vec<String>)>>,
}

#[derive(Deserialize)]
struct Declared {
    #[serde(default = "default")]
    config_name: String,
    #[serde(default)]
    data_dir: Option<String>,
    #[serde(default)]
    data_files: Option<DataFiles>,
    #[serde(default)]
    default: bool,
}

fn default() -> String {
    "default".into()
}

/// The forms in which files are declared.
#[derive(Deserialize)]
#[serde(untagged)]
enum DataFiles {
    One(String),
    Several(Vec<String>),
    Splits(Vec<DeclaredSplit>),
    BySplit(Map<String, Json>),
}

#[derive(Deserialize)]
struct DeclaredSplit {
    split: String,
    path: Paths,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

impl Paths {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(path) => vec![path],
            Self::Several(paths) => paths,
        }
    }
}

impl DataFiles {
    /// Returns patterns by split; without a split they are for training.
    fn patterns(self) -> Result<Vec<(String, Vec<String>)>> {
        let train = |patterns| vec![(DataSplit::Train.name().to_string(), patterns)];
        Ok(match self {
            Self::One(pattern) => train(vec![pattern]),
            Self::Several(patterns) => train(patterns),
            Self::Splits(splits) => splits.into_iter().map(|declared| (declared.split, declared.path.all())).collect(),
            Self::BySplit(splits) => {
                let paths = |(split, paths)| Ok((split, serde_json::from_value::<Paths>(paths)?.all()));
                splits.into_iter().map(paths).collect::<Result<_>>()?
            }
        })
    }
}

impl Configuration {
    /// Reads what a card declares.
    ///
    /// # Errors
    /// It has another form than the hub's documentation describes.
    pub fn declared(configs: &Json) -> Result<Vec<Self>> {
        let read = || -> Result<Vec<Self>> {
            let declared: Vec<Declared> = serde_json::from_value(configs.clone())?;
            declared.into_iter().map(Self::of).collect()
        };
        read().map_err(|_| anyhow!("the `configs` in its README.md cannot be understood; name the files by path"))
    }

    fn of(declared: Declared) -> Result<Self> {
        Ok(Self {
            name: declared.config_name,
            is_default: declared.default,
            folder: declared.data_dir.unwrap_or_default().trim_matches(['/', '.']).to_string(),
            patterns: declared.data_files.map(DataFiles::patterns).transpose()?,
        })
    }

    /// Returns the configuration that is meant if none is named, as `datasets` has it.
    #[must_use]
    pub fn usual(all: &[Self]) -> Option<&Self> {
        let named = || all.iter().find(|configuration| configuration.name == default());
        match all {
            [only] => Some(only),
            _ => all.iter().find(|configuration| configuration.is_default).or_else(named),
        }
    }

    /// Returns the patterns of a split's files, below the root of the repository.
    #[must_use]
    pub fn patterns_of(&self, split: DataSplit) -> Option<Vec<String>> {
        let declared = self.patterns.as_ref()?;
        let called = |word: &&str| declared.iter().find(|(name, _)| name == word);
        let (_, patterns) = split.words().iter().find_map(called)?;
        Some(patterns.iter().map(|pattern| self.below(pattern)).collect())
    }

    fn below(&self, pattern: &str) -> String {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        if self.folder.is_empty() { pattern.into() } else { format!("{}/{pattern}", self.folder) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared(configs: &Json) -> Vec<Configuration> {
        Configuration::declared(configs).unwrap()
    }

    #[test]
    fn files_are_declared_in_several_forms() {
        let patterns =
            |data_files: Json, split| declared(&json!([{ "config_name": "x", "data_files": data_files }]))[0].patterns_of(split);
        let train = Some(vec!["a.csv".to_string()]);
        for form in [
            json!("a.csv"),
            json!(["a.csv"]),
            json!([{ "split": "train", "path": "a.csv" }]),
            json!([{ "split": "train", "path": ["a.csv"] }, { "split": "dev", "path": "b.csv" }]),
            json!({ "train": "a.csv", "dev": ["b.csv"] }),
        ] {
            assert_eq!(patterns(form.clone(), DataSplit::Train), train, "{form}");
            let has_dev = form.to_string().contains("dev");
            assert_eq!(patterns(form.clone(), DataSplit::Validation).is_some(), has_dev, "{form}");
        }
        let below = declared(&json!([{ "config_name": "x", "data_dir": "./en/", "data_files": "*.csv" }]));
        assert_eq!(below[0].patterns_of(DataSplit::Train).unwrap(), ["en/*.csv"]);
        for wrong in [
            json!({}),
            json!([{ "config_name": 1 }]),
            json!([{ "data_files": [[1]] }]),
            json!([{ "data_files": { "train": 1 } }]),
        ] {
            assert!(Configuration::declared(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_configuration_may_be_the_usual_one() {
        let usual = |configs: Json| Configuration::usual(&declared(&configs)).map(|configuration| configuration.name.clone());
        assert_eq!(usual(json!([{ "config_name": "a" }])).as_deref(), Some("a"));
        assert_eq!(usual(json!([{ "config_name": "a" }, { "config_name": "b" }])), None);
        assert_eq!(usual(json!([{ "config_name": "a" }, { "config_name": "default" }])).as_deref(), Some("default"));
        assert_eq!(usual(json!([{ "config_name": "default" }, { "config_name": "b", "default": true }])).as_deref(), Some("b"));
    }
}
