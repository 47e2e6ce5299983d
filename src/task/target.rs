//! Targets: what a model should predict for an example.

use serde::{Deserialize, Serialize};

use super::Head;
use crate::terminal::brief;

/// How the cells of a table represent a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassCells {
    /// By its id.
    Ids,
    /// By its name.
    Names,
    /// By its name; or by its id, unless the names are numbers themselves.
    #[default]
    NamesOrIds,
}

/// What a model should predict for an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The id of the correct class.
    Class(u32),
    /// Whether each label applies, in the head's order.
    Labels(Box<[bool]>),
    /// The correct value, finite.
    Value(f32),
}

impl Target {
    /// Parses the target's cells: a class or a value has a single cell, and each label of a multi-label task has its own.
    ///
    /// A class is given by its name or, unless the names are numbers themselves, by its id.
    pub fn parse(cells: &[String], head: &Head, classes_are: ClassCells) -> Result<Self, String> {
        match head {
            Head::Classes(classes) => {
                let [cell] = cells else { return Err("a row has the wrong number of columns".into()) };
                class(cell, classes, classes_are).map(Self::Class)
            }
            Head::Labels(labels) => {
                if cells.len() != labels.len() {
                    return Err("a row has the wrong number of columns".into());
                }
                let bits = cells.iter().zip(labels).map(|(cell, label)| match cell.trim() {
                    "0" => Ok(false),
                    "1" => Ok(true),
                    _ => Err(format!("\"{label}\" is \"{}\", expected 0 or 1", brief(cell))),
                });
                bits.collect::<Result<_, _>>().map(Self::Labels)
            }
            Head::Value => {
                let [cell] = cells else { return Err("a row has the wrong number of columns".into()) };
                let value = cell.trim().parse::<f32>().ok().filter(|value| value.is_finite());
                value.map(Self::Value).ok_or_else(|| format!("the value is \"{}\", expected a number", brief(cell)))
            }
        }
    }

    /// Whether a model with this head can predict this target.
    #[must_use]
    pub fn fits(&self, head: &Head) -> bool {
        match (self, head) {
            (Self::Class(class), Head::Classes(classes)) => (*class as usize) < classes.len(),
            (Self::Labels(bits), Head::Labels(labels)) => bits.len() == labels.len(),
            (Self::Value(value), Head::Value) => value.is_finite(),
            _ => false,
        }
    }

    /// Returns whether each label applies, for a multi-label target.
    #[must_use]
    pub fn labels(&self) -> Option<&[bool]> {
        if let Self::Labels(labels) = self { Some(labels) } else { None }
    }

    /// Returns the number of a value target.
    #[must_use]
    pub fn value(&self) -> Option<f32> {
        if let Self::Value(value) = self { Some(*value) } else { None }
    }

    /// Returns the class of a class target.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        if let Self::Class(class) = self { Some(*class as usize) } else { None }
    }
}

/// Returns the id of a class, given by its name or id.
fn class(cell: &str, classes: &[String], cells: ClassCells) -> Result<u32, String> {
    let cell = cell.trim();
    let names_count = cells != ClassCells::Ids;
    let by_name = classes.iter().position(|class| names_count && class == cell);
    let needs_name = cells == ClassCells::Names || names_count && classes.iter().any(|class| class.parse::<f64>().is_ok());
    let by_id = || cell.parse::<usize>().ok().filter(|id| *id < classes.len() && !needs_name);
    let found = by_name.or_else(by_id).and_then(|id| u32::try_from(id).ok());
    found.ok_or_else(|| {
        let names = classes.join(", ");
        let last = classes.len().saturating_sub(1);
        let expected = match cells {
            ClassCells::Ids => format!("a number from 0 to {last} ({names})"),
            ClassCells::Names | ClassCells::NamesOrIds if needs_name => format!("one of {names}"),
            ClassCells::Names | ClassCells::NamesOrIds => format!("one of {names}, or a number from 0 to {last}"),
        };
        format!("the label is \"{}\", expected {expected}", brief(cell))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Head {
        Head::Classes(names.iter().map(ToString::to_string).collect())
    }

    fn parse(cells: &[&str], head: &Head) -> Result<Target, String> {
        Target::parse(&cells.iter().map(ToString::to_string).collect::<Vec<_>>(), head, ClassCells::NamesOrIds)
    }

    #[test]
    fn a_class_is_its_label_or_its_id() {
        let head = classes(&["no", "maybe", "yes"]);
        for (cell, class) in [("0", 0), (" 2 ", 2), ("yes", 2), ("maybe", 1)] {
            assert_eq!(parse(&[cell], &head), Ok(Target::Class(class)), "{cell}");
        }
        for cell in ["3", "-1", "", "Yes", "1.0", "99999999999999999999"] {
            assert!(parse(&[cell], &head).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_table_of_ids_has_no_names() {
        let parse = |cell: &str| Target::parse(&[cell.into()], &classes(&["no", "yes"]), ClassCells::Ids);
        assert_eq!(parse("1"), Ok(Target::Class(1)));
        assert!(parse("yes").is_err() && parse("2").is_err());
    }

    /// With star ratings as labels, "3" is the label for three stars, not class id 3.
    #[test]
    fn a_number_is_a_label_where_labels_are_numbers() {
        let head = classes(&["1", "2", "3"]);
        assert_eq!(parse(&["3"], &head), Ok(Target::Class(2)));
        assert_eq!(parse(&["1"], &head), Ok(Target::Class(0)));
        assert!(parse(&["0"], &head).is_err());
    }

    #[test]
    fn labels_have_a_column_each_and_values_are_finite() {
        let head = Head::Labels(vec!["rude".into(), "funny".into()]);
        assert_eq!(parse(&["1", "0"], &head), Ok(Target::Labels([true, false].into())));
        assert!(parse(&["1"], &head).is_err());
        assert!(parse(&["1", "2"], &head).unwrap_err().contains("funny"));
        assert_eq!(parse(&["-2.5"], &Head::Value), Ok(Target::Value(-2.5)));
        for cell in ["nan", "inf", "", "x", "1e50"] {
            assert!(parse(&[cell], &Head::Value).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_target_fits_its_own_kind_of_head() {
        let (three, two) = (classes(&["a", "b", "c"]), Head::Labels(vec!["a".into(), "b".into()]));
        assert!(Target::Class(2).fits(&three) && !Target::Class(3).fits(&three) && !Target::Class(0).fits(&Head::Value));
        assert!(Target::Labels([true, true].into()).fits(&two) && !Target::Labels([true].into()).fits(&two));
        assert!(Target::Value(1.0).fits(&Head::Value) && !Target::Value(f32::NAN).fits(&Head::Value));
    }
}
