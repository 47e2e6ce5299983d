//! Predictions as rows of CSV or JSON Lines.

use serde_json::{Map, Value as Json, json};

use crate::task::{Head, Output};

/// What a model says of one example, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionRow {
    /// The label, the labels joined by `|`, or the number.
    pub prediction: String,
    /// The probability of each label, in the head's order; none for a number.
    pub probabilities: Vec<f64>,
}

impl PredictionRow {
    /// Decides what an output means.
    #[must_use]
    pub fn of(head: &Head, output: &Output) -> Self {
        match head {
            Head::Classes(labels) => Self {
                prediction: labels.get(output.class()).cloned().unwrap_or_default(),
                probabilities: output.probabilities(),
            },
            Head::Labels(labels) => {
                let on = labels.iter().zip(output.decided_labels()).filter(|(_, is_on)| *is_on).map(|(label, _)| label.as_str());
                Self { prediction: on.collect::<Vec<_>>().join("|"), probabilities: output.label_probabilities() }
            }
            Head::Value => {
                Self { prediction: output.0.first().map_or(String::new(), ToString::to_string), probabilities: Vec::new() }
            }
        }
    }

    /// The header of a CSV file of rows.
    #[must_use]
    pub fn header(head: &Head) -> Vec<String> {
        let columns = head.labels().iter().map(|label| format!("probability_{label}"));
        ["index", "prediction"].map(String::from).into_iter().chain(columns).collect()
    }

    /// The fields of a CSV file's row; probabilities with as many digits as tell them apart.
    #[must_use]
    pub fn fields(&self, index: usize) -> Vec<String> {
        let probabilities = self.probabilities.iter().map(ToString::to_string);
        [index.to_string(), self.prediction.clone()].into_iter().chain(probabilities).collect()
    }

    /// The same as an object.
    #[must_use]
    pub fn json(&self, index: usize, head: &Head) -> Json {
        let prediction = match head {
            Head::Classes(_) => Json::from(self.prediction.as_str()),
            Head::Labels(_) => self.prediction.split('|').filter(|label| !label.is_empty()).collect(),
            Head::Value => self.prediction.parse::<f64>().map_or(Json::Null, Json::from),
        };
        if self.probabilities.is_empty() {
            return json!({ "index": index, "prediction": prediction });
        }
        let named = head.labels().iter().zip(&self.probabilities);
        let probabilities: Map<String, Json> = named.map(|(label, probability)| (label.clone(), (*probability).into())).collect();
        json!({ "index": index, "prediction": prediction, "probabilities": probabilities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_class_has_a_probability_for_each_label() {
        let head = Head::Classes(labels(&["no", "yes"]));
        let row = PredictionRow::of(&head, &Output(vec![0.0, 0.0]));
        assert_eq!(PredictionRow::header(&head), ["index", "prediction", "probability_no", "probability_yes"]);
        assert_eq!(row.fields(3), ["3", "no", "0.5", "0.5"]);
        assert_eq!(row.json(3, &head), json!({ "index": 3, "prediction": "no", "probabilities": { "no": 0.5, "yes": 0.5 } }));
    }

    #[test]
    fn several_labels_are_joined_and_a_number_stands_alone() {
        let head = Head::Labels(labels(&["rude", "funny", "sad"]));
        let row = PredictionRow::of(&head, &Output(vec![0.0, -1.0, 2.0]));
        assert_eq!(row.fields(0)[..3], ["0", "rude|sad", "0.5"]);
        assert_eq!(row.json(0, &head)["prediction"], json!(["rude", "sad"]));
        let nothing = PredictionRow::of(&head, &Output(vec![-1.0, -1.0, -1.0]));
        assert_eq!((nothing.prediction.as_str(), &nothing.json(0, &head)["prediction"]), ("", &json!([])));
        let number = PredictionRow::of(&Head::Value, &Output(vec![3.25]));
        assert_eq!(number.fields(7), ["7", "3.25"]);
        assert_eq!(number.json(7, &Head::Value), json!({ "index": 7, "prediction": 3.25 }));
    }
}
