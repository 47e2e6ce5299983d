//! `predictions/validation.csv`: the best checkpoint's prediction for each example, next to its target.
//!
//! | head | columns |
//! |---|---|
//! | classes | `index`, `label` and `prediction` as ids, and a probability `p0`, `p1`, … for each class |
//! | labels | `index`, then `label0`, `label1`, … (0 or 1), then the probabilities `p0`, `p1`, … |
//! | value | `index`, `label`, `prediction` |

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use csv::Writer;

use crate::task::{ClassCells, Head, Output, Prediction, Target};

/// A row of a CSV file, by column name.
pub(super) type CsvRow = BTreeMap<String, String>;

/// Formats the content of the file.
pub fn to_csv(head: &Head, predictions: &[Prediction]) -> Result<Vec<u8>> {
    let numbered = |prefix: &'static str| (0..head.outputs()).map(move |output| format!("{prefix}{output}"));
    let header: Vec<String> = match head {
        Head::Classes(_) => ["index", "label", "prediction"].map(String::from).into_iter().chain(numbered("p")).collect(),
        Head::Labels(_) => ["index".to_string()].into_iter().chain(numbered("label")).chain(numbered("p")).collect(),
        Head::Value => ["index", "label", "prediction"].map(String::from).into(),
    };
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(&header)?;
    for (index, Prediction { target, output }) in predictions.iter().enumerate() {
        ensure!(target.fits(head), "the target of example {index} is not of the task's kind");
        let mut fields = vec![index.to_string()];
        match target {
            Target::Class(class) => {
                fields.extend([class.to_string(), output.class().to_string()]);
                fields.extend(output.probabilities().iter().map(ToString::to_string));
            }
            Target::Labels(labels) => {
                fields.extend(labels.iter().map(|label| u8::from(*label).to_string()));
                fields.extend(output.label_probabilities().iter().map(ToString::to_string));
            }
            Target::Value(value) => {
                fields.push(value.to_string());
                fields.extend(output.0.iter().map(ToString::to_string));
            }
        }
        writer.write_record(&fields)?;
    }
    writer.into_inner().context("cannot format the predictions")
}

/// A row that was read back.
pub struct ReadBack {
    /// The prediction; outputs that give the recorded class and, up to the rounding of an f32, the recorded probabilities.
    pub prediction: Prediction,
    /// The example's loss.
    pub loss: f64,
    /// Whether the outputs give the recorded probabilities to the last bit. They do unless an output is so large that its
    /// probability is almost 1, or another machine's exponential function computed it.
    pub is_exact: bool,
}

/// Reads the file and validates each row.
///
/// # Errors
/// The file cannot be read, or a row cannot come from a model with this head.
pub fn read(path: &Path, head: &Head) -> Result<Vec<ReadBack>> {
    let mut reader = csv::Reader::from_path(path).context("cannot be read")?;
    reader.deserialize().map(|row| read_back(&row.context("is damaged")?, head)).collect()
}

fn read_back(row: &CsvRow, head: &Head) -> Result<ReadBack> {
    let index = row.get("index").cloned().unwrap_or_default();
    let text = |column: &str| row.get(column).with_context(|| format!("has no column {column}"));
    let number = |column: &str| -> Result<f64> {
        let text = text(column)?;
        text.parse().with_context(|| format!("{text:?} is not a number ({column})"))
    };
    let probabilities = || (0..head.outputs()).map(|output| number(&format!("p{output}"))).collect::<Result<Vec<f64>>>();
    match head {
        Head::Classes(classes) => {
            let classes = classes.len();
            let (label, class) = (number("label")? as usize, number("prediction")? as usize);
            ensure!(label < classes, "have the label {label}, and the task has {classes}");
            let p = probabilities()?;
            let is_largest = p.get(class).is_some_and(|chosen| p.iter().all(|other| other <= chosen));
            ensure!(is_largest, "predict {class} for example {index}, with the probabilities {p:?}");
            let sum: f64 = p.iter().sum();
            ensure!((sum - 1.0).abs() < 1e-6, "have probabilities that sum to {sum} for example {index}");
            let output = chosen(Output::of_probabilities(&p), class);
            let is_exact = output.probabilities() == p;
            let prediction = Prediction { target: Target::Class(u32::try_from(label)?), output };
            Ok(ReadBack { prediction, loss: -p[label].ln(), is_exact })
        }
        Head::Labels(labels) => {
            let p = probabilities()?;
            ensure!(p.iter().all(|p| (0.0..=1.0).contains(p)), "have the probabilities {p:?} for example {index}");
            let cells = (0..labels.len()).map(|label| text(&format!("label{label}")).cloned()).collect::<Result<Vec<_>>>()?;
            let target = Target::parse(&cells, head, ClassCells::NamesOrIds).map_err(anyhow::Error::msg)?;
            let Target::Labels(bits) = &target else { anyhow::bail!("have no labels for example {index}") };
            let losses = bits.iter().zip(&p).map(|(is_on, p)| -if *is_on { *p } else { 1.0 - p }.ln());
            let loss = losses.sum::<f64>() / labels.len() as f64;
            let output = Output::of_label_probabilities(&p);
            let is_exact = output.label_probabilities() == p;
            Ok(ReadBack { prediction: Prediction { target, output }, loss, is_exact })
        }
        Head::Value => {
            let value = |column: &str| -> Result<f32> {
                let text = text(column)?;
                text.parse().with_context(|| format!("{text:?} is not a number ({column})"))
            };
            let prediction = Prediction { target: Target::Value(value("label")?), output: Output(vec![value("prediction")?]) };
            Ok(ReadBack { loss: prediction.loss(), prediction, is_exact: true })
        }
    }
}

/// Rounds up the output of the chosen class, if rounding has made another one equal.
fn chosen(mut output: Output, class: usize) -> Output {
    if output.class() != class {
        let largest = output.0.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        output.0[class] = largest.next_up();
    }
    output
}

/// Label and predicted class of each example by index, for a classification task.
pub fn classes(path: &Path) -> Result<BTreeMap<usize, (usize, usize)>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut found = BTreeMap::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("{} is damaged", path.display()))?;
        let number = |column: usize| row.get(column).and_then(|text| text.parse::<usize>().ok());
        let fields = number(0).zip(number(1)).zip(number(2));
        let ((index, label), prediction) = fields.with_context(|| format!("{} is damaged", path.display()))?;
        found.insert(index, (label, prediction));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn round_trip(head: &Head, predictions: &[Prediction]) -> (String, Vec<ReadBack>) {
        let bytes = to_csv(head, predictions).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("validation.csv");
        std::fs::write(&path, &bytes).unwrap();
        (String::from_utf8(bytes).unwrap(), read(&path, head).unwrap())
    }

    fn assert_losses(predictions: &[Prediction], back: &[ReadBack]) {
        for (prediction, back) in predictions.iter().zip(back) {
            assert!((prediction.loss() - back.loss).abs() < 1e-12, "{prediction:?}: {}", back.loss);
        }
    }

    #[test]
    fn values_read_back_as_they_were() {
        let predictions = [(1.5, 0.1), (-2.0, 3.0e-7)]
            .map(|(value, output)| Prediction { target: Target::Value(value), output: Output(vec![output]) });
        let (text, back) = round_trip(&Head::Value, &predictions);
        assert_eq!(text, "index,label,prediction\n0,1.5,0.1\n1,-2,0.0000003\n");
        assert!(back.iter().map(|row| &row.prediction).eq(&predictions));
        assert_losses(&predictions, &back);
    }

    /// Logits as models have them, from 1e-4 to 20 and of both signs.
    #[test]
    fn probabilities_read_back_to_the_last_bit() {
        let stream = Stream::new(7, Purpose::Bootstrap, 0, 0);
        let logit = |place: u64| {
            let unit = |place| stream.below(place, 1 << 24) as f32 / (1 << 24) as f32;
            let size = 1e-4 * 2e5_f32.powf(unit(2 * place));
            if unit(2 * place + 1) < 0.5 { -size } else { size }
        };
        let outputs = |example: u64| Output((0..3).map(|output| logit(3 * example + output)).collect());
        let classes = Head::Classes(["a", "b", "c"].map(String::from).into());
        let labels = Head::Labels(["a", "b", "c"].map(String::from).into());
        for (head, target) in [(classes, Target::Class(1)), (labels, Target::Labels([true, false, true].into()))] {
            let predictions: Vec<Prediction> =
                (0..2_000).map(|example| Prediction { target: target.clone(), output: outputs(example) }).collect();
            let (_, back) = round_trip(&head, &predictions);
            assert!(back.iter().all(|row| row.is_exact), "{head:?}");
        }
    }

    /// A logit of 0 is a probability of one half.
    #[test]
    fn labels_have_a_probability_each() {
        let head = Head::Labels(vec!["rude".into(), "funny".into()]);
        let predictions = [Prediction { target: Target::Labels([true, false].into()), output: Output(vec![0.0, 2.0]) }];
        let (text, back) = round_trip(&head, &predictions);
        assert!(text.starts_with("index,label0,label1,p0,p1\n0,1,0,0.5,0.88"), "{text}");
        assert_eq!(back[0].prediction.target, predictions[0].target);
        assert_losses(&predictions, &back);
    }

    #[test]
    fn classes_are_ids_with_probabilities() {
        let head = Head::Classes(["a", "b", "c"].map(String::from).into());
        let predictions = [Prediction { target: Target::Class(2), output: Output(vec![0.0, 1.0, -3.0]) }];
        let (text, back) = round_trip(&head, &predictions);
        assert!(text.starts_with("index,label,prediction,p0,p1,p2\n0,2,1,0."), "{text}");
        assert_losses(&predictions, &back);
        assert!(to_csv(&Head::Value, &predictions).is_err());
    }
}
