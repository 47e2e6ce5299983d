//! Fair comparisons: equally many evaluations, equal other settings, and no overstated certainty.

use serde_json::{Value, json};

use crate::made::{Made, close, compared, noted, shell, variant};

/// Scores that fluctuate around a level: with twenty evaluations, the best is well above the last.
fn wandering(seed: u64, every: u64) -> Vec<(u64, f64)> {
    let at = |step: u64| 0.8 + 0.001 * seed as f64 + 0.01 * ((step * 7 + seed * 13) % 11) as f64;
    (1..=100 / every).map(|turn| (turn * every, at(turn * every))).collect()
}

/// The same run evaluated 2 or 20 times: only the two evaluations that both have in common count.
#[test]
fn more_evaluations_are_not_better() {
    let runs: Vec<Made> = (1..=6)
        .flat_map(|seed| {
            let run = |id: &str, every: u64| {
                let run = Made::new(&format!("{id}{seed}"), seed, 0.0).set("evaluation.every", every);
                run.evaluated(&wandering(seed, every))
            };
            [run("a", 50), run("b", 5)]
        })
        .collect();
    let shell = shell(&runs);
    let comparison = compared(&shell, &[]);
    assert_eq!((&comparison["basis"], &comparison["steps_used"]), (&json!("common"), &json!([0.5, 1.0])));
    let often = variant(&comparison, "evaluation.every", &json!(5));
    close(&often["difference"]["mean"], 0.0);
    assert_eq!((often["adjusted_p"].as_f64(), &often["evaluations"]), (Some(1.0), &json!([20, 20])));
    // By hand: seed 1 scores 0.801 + 0.01 · ((7 · 50 + 13) mod 11 = 0) and 0.801 + 0.01 · ((700 + 13) mod 11 = 9).
    close(&often["scores"]["1"], 0.891);
    assert_eq!(noted(&comparison, "evaluations"), 12);
    // Each run's own best is reported as well, and is higher: twenty evaluations cover every residue modulo 11.
    close(&often["best"]["mean"], 0.9 + 0.0035);
    // On its own, a variant is scored by its best evaluation.
    let alone = compared(&shell, &["--filter", "evaluation.every == 5"]);
    assert_eq!((&alone["basis"], &alone["steps_used"]), (&json!("best"), &json!([])));
    close(&alone["variants"][0]["score"]["mean"], 0.9035);
}

/// Two epochs and four: evaluations at the half and the end are common. The lucky score at the first quarter does not count.
#[test]
fn training_longer_is_not_more_evaluations() {
    let runs: Vec<Made> = (1..=3)
        .flat_map(|seed| {
            let run = |id: &str, epochs: u64| Made::new(&format!("{id}{seed}"), seed, 0.0).set("epochs", epochs);
            let short = run("a", 2).evaluated(&[(50, 0.80), (100, 0.82)]);
            let long = run("b", 4).evaluated(&[(50, 0.95), (100, 0.81), (150, 0.80), (200, 0.80)]);
            [short, long]
        })
        .collect();
    let comparison = compared(&shell(&runs), &[]);
    assert_eq!(comparison["steps_used"], json!([0.5, 1.0]));
    let long = variant(&comparison, "epochs", &json!(4));
    close(&long["score"]["mean"], 0.81);
    close(&long["difference"]["mean"], -0.01);
    close(&long["best"]["mean"], 0.95);
}

/// Only the last evaluation is common; and without readable tables, only the last one is known.
#[test]
fn without_common_evaluations_the_last_counts() {
    let run = |id: &str, seed, every: u64, evaluations: &[(u64, f64)]| {
        Made::new(id, seed, 0.0).set("evaluation.every", every).evaluated(evaluations)
    };
    let mut runs = vec![
        run("a1", 1, 60, &[(60, 0.9), (100, 0.8)]),
        run("a2", 2, 60, &[(60, 0.9), (100, 0.81)]),
        run("b1", 1, 70, &[(70, 0.7), (100, 0.83)]),
        run("b2", 2, 70, &[(70, 0.7), (100, 0.84)]),
    ];
    let check = |runs: &[Made]| {
        let comparison = compared(&shell(runs), &[]);
        assert_eq!((&comparison["basis"], &comparison["steps_used"]), (&json!("last"), &json!([1.0])));
        close(&variant(&comparison, "evaluation.every", &json!(70))["difference"]["mean"], 0.03);
    };
    check(&runs);
    for run in &mut runs {
        run.has_table = false;
    }
    check(&runs);
    // If all runs were evaluated at the same steps, a lost table changes nothing.
    let mut alike = [run("a1", 1, 60, &[(60, 0.9), (100, 0.8)]), run("a2", 2, 60, &[(60, 0.9), (100, 0.81)])];
    alike[0].has_table = false;
    let comparison = compared(&shell(&alike), &[]);
    assert_eq!(comparison["basis"], "best");
    close(&comparison["variants"][0]["score"]["mean"], 0.9);
}

fn grid(batch: u64, rate: f64, seeds: std::ops::RangeInclusive<u64>, level: f64) -> Vec<Made> {
    let run = |seed: u64| {
        let id = format!("{:x}{:x}{seed}", batch, (rate * 1e6) as u64);
        Made::new(&id, seed, level + 0.001 * seed as f64).set("data.batch_size", batch).set("learning_rate", rate)
    };
    seeds.map(run).collect()
}

/// Batch 16 diverged under one of two learning rates: only the other is compared, where batch 16 is better by 0.002.
#[test]
fn grouping_compares_within_equal_other_settings() {
    let diverged = grid(16, 1e-5, 1..=8, 0.0).into_iter().map(|run| run.status("diverged"));
    let runs: Vec<Made> = [grid(8, 1e-3, 1..=8, 0.80), grid(8, 1e-5, 1..=8, 0.70), grid(16, 1e-3, 1..=8, 0.802)].concat();
    let runs: Vec<Made> = runs.into_iter().chain(diverged).collect();
    let comparison = compared(&shell(&runs), &["--by", "data.batch_size"]);
    let (eight, sixteen) =
        (variant(&comparison, "data.batch_size", &json!(8)), variant(&comparison, "data.batch_size", &json!(16)));
    close(&sixteen["difference"]["mean"], 0.002);
    close(&eight["score"]["mean"], 0.8045);
    assert_eq!((eight["unmatched"].as_array().unwrap().len(), noted(&comparison, "unmatched")), (8, 8));
    assert_eq!((&sixteen["unfinished"], noted(&comparison, "unfinished")), (&json!({ "diverged": 8 }), 8));
}

/// Two learning rates for both batch sizes, with one seed missing once: seeds that every cell has count, and the difference is
/// 0.01 · (1 + 3) / 2.
#[test]
fn grouping_averages_over_the_same_runs_on_both_sides() {
    let runs = [grid(8, 1e-3, 1..=5, 0.80), grid(8, 1e-5, 1..=5, 0.70), grid(16, 1e-3, 1..=5, 0.81), grid(16, 1e-5, 1..=4, 0.73)]
        .concat();
    let comparison = compared(&shell(&runs), &["--by", "data.batch_size"]);
    let sixteen = variant(&comparison, "data.batch_size", &json!(16));
    close(&sixteen["difference"]["mean"], 0.02);
    assert_eq!((&sixteen["difference"]["n"], noted(&comparison, "unmatched")), (&json!(4), 3));
    // If the seeds differ by learning rate, they are paired within each.
    let runs = [grid(8, 1e-3, 1..=3, 0.80), grid(8, 1e-5, 4..=6, 0.70), grid(16, 1e-3, 1..=3, 0.81), grid(16, 1e-5, 4..=6, 0.73)]
        .concat();
    let comparison = compared(&shell(&runs), &["--by", "data.batch_size"]);
    let sixteen = variant(&comparison, "data.batch_size", &json!(16));
    close(&sixteen["difference"]["mean"], 0.02);
    assert_eq!((&sixteen["difference"]["n"], noted(&comparison, "unmatched")), (&json!(6), 0));
    // With nothing in common, nothing is compared.
    let runs = [grid(8, 1e-3, 1..=3, 0.80), grid(16, 1e-5, 1..=3, 0.70)].concat();
    let comparison = compared(&shell(&runs), &["--by", "data.batch_size"]);
    assert!(comparison["variants"].as_array().unwrap().iter().all(|variant| variant["difference"] == Value::Null));
    assert_eq!(noted(&comparison, "unmatched"), 6);
    assert_eq!(shell(&runs).gluepot(&["compare", "--by", "seed"]).code, 2);
}

/// Three pairs allow no smaller exact p than 2/8, and twenty runs against three a far smaller one by Welch's test: no sentence
/// may rule out a p-value that the table above it shows.
#[test]
fn no_sentence_contradicts_the_table() {
    let mut runs = Vec::new();
    for (seed, one, other) in [(1, 0.70, 0.72), (2, 0.71, 0.73), (3, 0.70, 0.73)] {
        runs.push(Made::new(&format!("a{seed}"), seed, one).set("learning_rate", 1e-3));
        runs.push(Made::new(&format!("b{seed}"), seed, other).set("learning_rate", 2e-3));
    }
    runs.extend((0..20).map(|i| Made::new(&format!("c{i}"), 101 + i, 0.8 + 0.001 * i as f64).set("learning_rate", 5e-4)));
    let shell = shell(&runs);
    let comparison = compared(&shell, &[]);
    let adjusted = |rate: f64| variant(&comparison, "learning_rate", &json!(rate))["adjusted_p"].as_f64().unwrap();
    assert!(adjusted(5e-4) < 0.001);
    close(&json!(adjusted(2e-3)), 0.25);
    let text = shell.gluepot(&["compare"]).out;
    assert!(text.contains("< 0.001 (Welch)") && !text.contains("0.000 "), "{text}");
    let bound = text.lines().find(|line| line.contains("cannot fall below")).unwrap();
    assert!(bound.contains("cannot fall below 0.25,") && bound.contains("learning_rate 0.002"), "{bound}");
    assert_eq!(noted(&comparison, "unpaired"), 23);
}

/// The verdict about two means agrees with their difference, even if not all seeds are shared.
#[test]
fn a_mean_over_other_seeds_does_not_turn_the_verdict() {
    let mut runs: Vec<Made> = (1..=3).map(|seed| Made::new(&format!("a{seed}"), seed, 0.80)).collect();
    runs.extend((1..=3).map(|seed| Made::new(&format!("b{seed}"), seed, 0.79).set("learning_rate", 3e-5)));
    runs.push(Made::new("b9", 9, 0.99).set("learning_rate", 3e-5));
    let shell = shell(&runs);
    let comparison = compared(&shell, &[]);
    assert_eq!(comparison["variants"][0]["settings"]["learning_rate"], json!(3e-5));
    close(&comparison["variants"][0]["difference"]["mean"], -0.01);
    let verdict = comparison["conclusions"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    let verdict: Vec<&str> = verdict.filter(|line| line.contains("differs from")).collect();
    // The means over all seeds are 0.84 and 0.80.
    assert!(verdict.len() == 1 && verdict[0].contains("-0.0100") && verdict[0].contains("+0.0400"), "{verdict:?}");
}

#[test]
fn no_interval_leaves_the_range_of_its_metric() {
    let runs: Vec<Made> = [0.9, 0.98, 1.0].iter().zip(1..).map(|(f1, seed)| Made::new(&format!("a{seed}"), seed, *f1)).collect();
    let comparison = compared(&shell(&runs), &[]);
    let interval = &comparison["variants"][0]["score"]["interval"];
    close(&interval[1], 1.0);
    // 0.96 - t(0.975; 2) · sd / √3, by scipy.stats.t.interval.
    assert!((interval[0].as_f64().unwrap() - 0.828_552).abs() < 1e-6, "{interval}");
    assert_eq!(compared(&shell(&runs[..2]), &[])["variants"][0]["score"]["interval"], Value::Null);
}

/// The best of many variants comes with a warning.
#[test]
fn a_winner_of_many_is_called_optimistic() {
    let runs: Vec<Made> =
        (0..8).map(|i| Made::new(&format!("a{i}"), 1, 0.8).set("learning_rate", 1e-5 * f64::from(i + 1))).collect();
    let says = |runs: &[Made]| compared(&shell(runs), &[])["conclusions"].to_string().contains("optimistic");
    assert!(says(&runs) && !says(&runs[..2]));
}
