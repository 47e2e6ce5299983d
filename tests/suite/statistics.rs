//! All statistics against scipy and statsmodels (tests/reference/make_statistics.py).

use gluepot::compare::statistics::{Description, Difference, Method, holm, mcnemar, paired, smallest_exact_p, welch};
use serde_json::Value;

use crate::support::cases;

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(what: &str, case: &Value, ours: Option<f64>, theirs: &Value) {
    match (ours, theirs.as_f64()) {
        (Some(ours), Some(theirs)) => {
            let apart = (ours - theirs).abs() / theirs.abs().max(1.0);
            assert!(apart <= 1e-9, "{what} is {ours:e}, expected {theirs:e}, in {case}");
        }
        (ours, theirs) => assert_eq!(ours, theirs, "{what} in {case}"),
    }
}

fn difference(case: &Value, ours: Option<Difference>) -> Difference {
    let ours = ours.unwrap();
    close("mean", case, Some(ours.mean), &case["mean"]);
    close("p", case, ours.p, &case["p"]);
    close("low", case, ours.interval.map(|interval| interval.0), &case["low"]);
    close("high", case, ours.interval.map(|interval| interval.1), &case["high"]);
    ours
}

#[test]
fn descriptions_equal_scipys() {
    for case in &cases("statistics.json", "descriptions") {
        let ours = Description::of(&numbers(&case["values"])).unwrap();
        close("mean", case, Some(ours.mean), &case["mean"]);
        close("sd", case, ours.sd, &case["sd"]);
        close("low", case, ours.interval.map(|interval| interval.0), &case["low"]);
        close("high", case, ours.interval.map(|interval| interval.1), &case["high"]);
        close("median", case, Some(ours.median), &case["median"]);
        close("min", case, Some(ours.min), &case["min"]);
        close("max", case, Some(ours.max), &case["max"]);
    }
    assert_eq!(Description::of(&[]), None);
}

#[test]
fn paired_differences_equal_scipys() {
    for case in &cases("statistics.json", "pairs") {
        let pairs: Vec<(f64, f64)> = numbers(&case["a"]).into_iter().zip(numbers(&case["b"])).collect();
        let ours = difference(case, paired(&pairs));
        let method = if case["method"] == "sign-flip" { Method::SignFlip } else { Method::PairedT };
        assert_eq!(ours.method, method, "{case}");
    }
    assert_eq!(paired(&[]), None);
}

#[test]
fn welchs_differences_equal_scipys() {
    for case in &cases("statistics.json", "welch") {
        let ours = difference(case, welch(&numbers(&case["a"]), &numbers(&case["b"])));
        let method = if case["method"] == "welch" { Method::Welch } else { Method::Permutation };
        assert_eq!(ours.method, method, "{case}");
    }
    assert_eq!(welch(&[], &[0.5]), None);
}

#[test]
fn holms_correction_equals_statsmodels() {
    for case in &cases("statistics.json", "holm") {
        let p: Vec<Option<f64>> = numbers(&case["p"]).into_iter().map(Some).collect();
        let (ours, theirs) = (holm(&p), case["adjusted"].as_array().unwrap());
        assert_eq!(ours.len(), theirs.len(), "{case}");
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            close("adjusted p", case, ours, theirs);
        }
    }
    assert_eq!(holm(&[None, Some(0.04), None]), [None, Some(0.04), None]);
}

#[test]
fn mcnemars_test_equals_statsmodels() {
    for case in &cases("statistics.json", "mcnemar") {
        let ours = mcnemar(case["first"].as_u64().unwrap(), case["second"].as_u64().unwrap());
        close("p", case, Some(ours), &case["p"]);
    }
}

/// If all n differences have one sign, only that assignment of signs and its opposite are as extreme.
#[test]
fn the_smallest_exact_p_is_reached() {
    for n in 1..=12 {
        let pairs: Vec<(f64, f64)> = (0..n).map(|i| (0.0, 0.01 + f64::from(i) * 0.001)).collect();
        assert_eq!(paired(&pairs).unwrap().p, smallest_exact_p(pairs.len()));
    }
}

/// More equal differences are stronger evidence, across the change of method at 13: p = 2 / 2ⁿ.
#[test]
fn more_equal_differences_are_more_evidence() {
    for n in [2, 12, 13, 14, 30] {
        let pairs = vec![(0.8, 0.81); n];
        assert_eq!(paired(&pairs).unwrap().p, Some(2.0_f64.powi(1 - i32::try_from(n).unwrap())), "{n}");
        assert_eq!(paired(&vec![(0.8, 0.8); n]).unwrap().p, Some(1.0), "{n}");
    }
}

/// Scores of 0.90, 0.98 and 1 have the interval 0.8291 to 1.0909 by Student's t, but no mean accuracy is above 1.
#[test]
fn intervals_stay_where_scores_can_be() {
    let described = Description::of(&[0.9, 0.98, 1.0]).unwrap();
    let (low, high) = described.interval.unwrap();
    // t(0.975; 2) = 4.30265, sd = 0.0529150: half the width is 0.131448.
    assert!((low - 0.828_552).abs() < 1e-6 && (high - 1.091_448).abs() < 1e-6, "{low} {high}");
    assert_eq!(described.clone().within((0.0, 1.0)).interval, Some((low, 1.0)));
    assert_eq!(described.clone().within((0.0, f64::INFINITY)).interval, Some((low, high)));
    let difference = paired(&[(0.0, 1.0), (0.1, 1.0), (0.9, 1.0)]).unwrap();
    let (low, high) = difference.interval.unwrap();
    assert!(high > 1.0);
    assert_eq!(difference.within((0.0, 1.0)).interval, Some((low, 1.0)));
}

#[test]
fn two_seeds_have_no_interval() {
    assert_eq!(Description::of(&[0.8, 0.9]).unwrap().interval, None);
    assert_eq!(paired(&[(0.8, 0.9), (0.7, 0.9)]).unwrap().interval, None);
    assert_eq!(welch(&[0.8, 0.9], &[0.8, 0.81, 0.83]).unwrap().interval, None);
    assert!(Description::of(&[0.8, 0.9, 0.85]).unwrap().interval.is_some());
}
