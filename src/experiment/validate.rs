//! Turns merged values into settings and a sweep, or reports all problems at once.

use figment::Figment;
use figment::value::{Dict, Value};

use super::check::{Part, check};
use super::document::{Document, DocumentKind};
use super::schema::{examples, schema};
use super::sweep_problems::sweep_problems;
use super::{Experiment, retired};
use crate::settings::{METRIC, SettingProblem, Settings, Sweep, TASK};

impl Experiment {
    /// Reads the merged values. Valid parts are read even if others are not, so that all problems are reported together.
    pub(super) fn validate(&mut self) {
        let mut values = self.layers.merged();
        self.retired = retired::take(&mut values);
        let mut refusals = check(&values, schema());
        let has_sound_sweep = !refusals.iter().any(|refusal| refusal.path.starts_with("sweep"));
        let sweep = values.remove("sweep").filter(|_| has_sound_sweep).as_ref().map(read_sweep).transpose();
        let varying: Vec<String> = match &sweep {
            Ok(Some(sweep)) => sweep.paths().into_iter().map(String::from).collect(),
            _ => Vec::new(),
        };
        // A varying setting needs no value outside of the sweep.
        refusals.retain(|refusal| refusal.part != Part::Missing || !varying.contains(&refusal.path));
        if varying.iter().any(|path| path == TASK)
            && let Some(place) = refusals.iter().position(|refusal| refusal.part == Part::Missing && refusal.path == METRIC)
        {
            refusals.remove(place);
            self.problems.push(self.layers.located(metric_of_each_task()));
        }
        for refusal in refusals.iter().filter(|refusal| refusal.part != Part::Missing) {
            remove(&mut values, refusal.path.split('[').next().unwrap_or_default());
        }
        self.refused = refusals.iter().map(|refusal| refusal.path.clone()).collect();
        self.problems.extend(refusals.into_iter().map(|refusal| self.layers.refused(refusal, &self.path)));
        self.validate_settings(values, &varying);
        self.validate_sweep(sweep);
    }

    fn validate_settings(&mut self, mut values: Dict, varying: &[String]) {
        // Examples stand in for missing or rejected values.
        let stand_ins: Vec<_> = examples(schema()).into_iter().filter(|(key, _)| !values.contains_key(key)).collect();
        let is_whole = stand_ins.is_empty();
        values.extend(stand_ins);
        let settings = match read_settings(values) {
            Ok(settings) => settings,
            Err(problem) => {
                // Otherwise it follows from a problem already reported.
                if self.problems.is_empty() {
                    self.problems.push(self.layers.located(problem));
                }
                return;
            }
        };
        // A rejected value must not also be reported as missing or in conflict with another.
        let is_reported = |problem: &SettingProblem| {
            let path = &problem.path;
            self.refused.contains(path) || varying.contains(path) || (path == "metric" && !is_whole)
        };
        let problems = settings.problems().into_iter().filter(|problem| !is_reported(problem));
        self.problems.extend(problems.map(|problem| self.layers.located(problem)));
        self.seed = settings.seed;
        self.settings = Some(settings).filter(|_| is_whole);
    }

    fn validate_sweep(&mut self, sweep: Result<Option<Sweep>, SettingProblem>) {
        let problems = match &sweep {
            Ok(sweep) => sweep.iter().flat_map(|sweep| sweep_problems(sweep, &self.layers, schema())).collect(),
            Err(problem) => vec![problem.clone()],
        };
        self.problems.extend(problems.into_iter().map(|problem| self.layers.located(problem)));
        self.sweep = sweep.unwrap_or_default();
    }
}

fn metric_of_each_task() -> SettingProblem {
    SettingProblem::new(METRIC, "the key `metric` is missing").help(
        "give each task its own in [[sweep.paired]], such as task = \"cola\" and metric = \"matthews\", or add one that scores all",
    )
}

fn read_settings(values: Dict) -> Result<Settings, SettingProblem> {
    let figment = Figment::from(Document::unwritten(DocumentKind::Default, values).layer(0));
    figment.extract::<Settings>().map_err(|error| SettingProblem::new(&error.path.join("."), error.kind.to_string()))
}

fn read_sweep(value: &Value) -> Result<Sweep, SettingProblem> {
    value.deserialize().map_err(|error| SettingProblem::new("sweep", error.kind.to_string()))
}

/// Removes the value at a dotted path.
fn remove(values: &mut Dict, path: &str) {
    // A quoted key may itself contain dots.
    if values.remove(path).is_some() {
        return;
    }
    if let Some((table, rest)) = path.split_once('.')
        && let Some(Value::Dict(_, inner)) = values.get_mut(table)
    {
        remove(inner, rest);
    }
}
