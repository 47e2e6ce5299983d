//! Every statistic against scipy and statsmodels (tests/reference/make_statistics.py).

use gluepot::statistics::{Description, Difference, Method, holm, mcnemar, paired, smallest_exact_p, welch};
use serde_json::Value;

use crate::support::golden;

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
    for case in golden("statistics.json")["descriptions"].as_array().unwrap() {
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
    for case in golden("statistics.json")["pairs"].as_array().unwrap() {
        let pairs: Vec<(f64, f64)> = numbers(&case["a"]).into_iter().zip(numbers(&case["b"])).collect();
        let ours = difference(case, paired(&pairs));
        let method = if case["method"] == "sign-flip" { Method::SignFlip } else { Method::PairedT };
        assert_eq!(ours.method, method, "{case}");
    }
    assert_eq!(paired(&[]), None);
}

#[test]
fn welchs_differences_equal_scipys() {
    for case in golden("statistics.json")["welch"].as_array().unwrap() {
        difference(case, welch(&numbers(&case["a"]), &numbers(&case["b"])));
    }
    assert_eq!(welch(&[], &[0.5]), None);
}

#[test]
fn holms_correction_equals_statsmodels() {
    for case in golden("statistics.json")["holm"].as_array().unwrap() {
        let p: Vec<Option<f64>> = numbers(&case["p"]).into_iter().map(Some).collect();
        for (ours, theirs) in holm(&p).into_iter().zip(case["adjusted"].as_array().unwrap()) {
            close("adjusted p", case, ours, theirs);
        }
    }
    assert_eq!(holm(&[None, Some(0.04), None]), [None, Some(0.04), None]);
}

#[test]
fn mcnemars_test_equals_statsmodels() {
    for case in golden("statistics.json")["mcnemar"].as_array().unwrap() {
        let ours = mcnemar(case["first"].as_u64().unwrap(), case["second"].as_u64().unwrap());
        close("p", case, Some(ours), &case["p"]);
    }
}

/// With all n differences of one sign, only that assignment and its opposite are as extreme.
#[test]
fn the_smallest_exact_p_is_reached() {
    for n in 1..=12 {
        let pairs: Vec<(f64, f64)> = (0..n).map(|i| (0.0, 0.01 + f64::from(i) * 0.001)).collect();
        assert_eq!(paired(&pairs).unwrap().p, smallest_exact_p(pairs.len()));
    }
}
