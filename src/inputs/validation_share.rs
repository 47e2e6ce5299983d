//! A validation split drawn from the training files.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::machine::digest::hex;
use crate::random::{Purpose, Stream};
use crate::task::{Example, Target};

/// Splits examples into a training and a validation split with the same share of each class; examples keep their order.
///
/// The split depends on the examples, the share and the seed alone. Of each class, the share is rounded to whole examples; where
/// something other than one class is predicted, of all examples together.
#[must_use]
pub fn split_off(examples: Vec<Example>, share: f64, seed: u64) -> (Vec<Example>, Vec<Example>) {
    let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, example) in examples.iter().enumerate() {
        let class = example.target.as_ref().and_then(Target::class).unwrap_or(0);
        by_class.entry(class).or_default().push(index);
    }
    let mut is_validation = vec![false; examples.len()];
    for (class, mut indices) in by_class {
        let count = (share * indices.len() as f64).round() as usize;
        let stream = Stream::new(seed, Purpose::Split, class as u64, 0);
        // The first places of a Fisher-Yates shuffle.
        for place in 0..count.min(indices.len()) {
            let other = place + stream.below(place as u64, (indices.len() - place) as u64) as usize;
            indices.swap(place, other);
            is_validation[indices[place]] = true;
        }
    }
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for (example, is_validation) in examples.into_iter().zip(is_validation) {
        if is_validation { validation.push(example) } else { train.push(example) }
    }
    (train, validation)
}

/// Returns what stands for the hash of a drawn validation split: runs with the same value were scored on the same examples.
#[must_use]
pub fn split_hash(files: &str, share: f64, seed: u64) -> String {
    hex(&Sha256::digest(format!("{files} {share} {seed}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Text;

    fn examples(classes: &[u32]) -> Vec<Example> {
        let example = |(index, class): (usize, &u32)| Example {
            text: Text::Single(index.to_string()),
            target: Some(Target::Class(*class)),
        };
        classes.iter().enumerate().map(example).collect()
    }

    #[test]
    fn each_class_has_its_share_and_examples_keep_their_order() {
        let classes: Vec<u32> = (0..100).map(|index| u32::from(index % 5 == 0)).collect();
        let all = examples(&classes);
        let (train, validation) = split_off(all.clone(), 0.1, 0);
        let count =
            |split: &[Example], class| split.iter().filter(|example| example.target == Some(Target::Class(class))).count();
        assert_eq!([count(&train, 0), count(&train, 1), count(&validation, 0), count(&validation, 1)], [72, 18, 8, 2]);
        let number = |example: &Example| if let Text::Single(text) = &example.text { text.parse::<u32>().unwrap() } else { 0 };
        for split in [&train, &validation] {
            assert!(split.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
        }
        assert_eq!(split_off(all.clone(), 0.1, 0), (train, validation.clone()));
        assert_ne!(split_off(all, 0.1, 1).1, validation);
    }

    /// Every example is as likely as any other: over many seeds, shares stay within five standard errors.
    #[test]
    fn every_example_is_drawn_as_often() {
        let all = examples(&[0; 20]);
        let mut drawn = [0_u32; 20];
        for seed in 0..2_000 {
            for example in split_off(all.clone(), 0.25, seed).1 {
                if let Text::Single(text) = example.text {
                    drawn[text.parse::<usize>().unwrap()] += 1;
                }
            }
        }
        let error = (2_000.0_f64 * 0.25 * 0.75).sqrt();
        assert!(drawn.iter().all(|count| (f64::from(*count) - 500.0).abs() < 5.0 * error), "{drawn:?}");
    }
}
