//! The formats of tables, told by the names of their files.

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// Comma-separated, or by another [`Separator`](super::Separator), with a header and quoting as in RFC 4180.
    Csv,
    /// Tab-separated with a header and without quoting, as GLUE and pandas' `to_csv(sep="\t", quoting=3)` write it.
    Tsv,
    /// One JSON object per line.
    Jsonl,
    Parquet,
    /// One text per line, or two with a tab between them, without a header.
    Lines,
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
}

/// The known extensions, in the order in which messages list them.
const EXTENSIONS: [(&str, DataFormat); 7] = [
    (".csv", DataFormat::Csv),
    (".tsv", DataFormat::Tsv),
    (".jsonl", DataFormat::Jsonl),
    (".ndjson", DataFormat::Jsonl),
    (".json", DataFormat::Jsonl),
    (".txt", DataFormat::Lines),
    (".parquet", DataFormat::Parquet),
];

impl DataFormat {
    /// The names for the option `format`.
    pub const NAMES: [(&str, Self); 5] =
        [("csv", Self::Csv), ("tsv", Self::Tsv), ("jsonl", Self::Jsonl), ("parquet", Self::Parquet), ("lines", Self::Lines)];

    /// Returns the format's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// Tells format and compression by the end of a file's name, in upper or lower case.
    #[must_use]
    pub fn of_name(file: &str) -> (Option<Self>, Option<Compression>) {
        let file = file.to_lowercase();
        let (plain, compression) = if let Some(plain) = file.strip_suffix(".gz") {
            (plain, Some(Compression::Gzip))
        } else if let Some(plain) = file.strip_suffix(".zst") {
            (plain, Some(Compression::Zstd))
        } else {
            (file.as_str(), None)
        };
        (EXTENSIONS.iter().find(|(extension, _)| plain.ends_with(extension)).map(|(_, format)| *format), compression)
    }

    /// Describes how to name the format, for a file whose name does not tell it.
    pub(super) fn unknown() -> String {
        let text: Vec<&str> = EXTENSIONS.iter().filter(|(_, format)| *format != Self::Parquet).map(|(name, _)| *name).collect();
        format!(
            "its name does not tell the format; expected are {}, each also with .gz or .zst, and .parquet; or name the format, \
             such as format = \"csv\"",
            text.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_format_and_compression() {
        use Compression::{Gzip, Zstd};
        for (name, expected) in [
            ("a.csv", (Some(DataFormat::Csv), None)),
            ("A.CSV.GZ", (Some(DataFormat::Csv), Some(Gzip))),
            ("a.tsv.zst", (Some(DataFormat::Tsv), Some(Zstd))),
            ("a.b.ndjson", (Some(DataFormat::Jsonl), None)),
            ("a.parquet", (Some(DataFormat::Parquet), None)),
            ("a.txt", (Some(DataFormat::Lines), None)),
            ("a.xlsx", (None, None)),
            ("csv", (None, None)),
            ("a.gz", (None, Some(Gzip))),
        ] {
            assert_eq!(DataFormat::of_name(name), expected, "{name}");
        }
    }
}
