//! Settings of earlier versions: they are accepted without effect, and the user gets a remark.

use figment::value::{Dict, Value};
use serde_json::Value as Json;

use super::layers::Layers;
use super::problem::Problem;
use super::words::whole;
use crate::settings::{RETIRED, Retired};

/// A retired setting and the value given for it.
pub(super) type Given = (&'static Retired, Json);

/// Removes retired settings from merged values; those whose values were never valid stay, and are rejected as unknown.
pub(super) fn take(values: &mut Dict) -> Vec<Given> {
    RETIRED.iter().filter_map(|retired| Some((retired, remove(values, retired)?.into()))).collect()
}

/// Removes one retired setting. Each of them was a whole number of at least 1 in a table.
fn remove(values: &mut Dict, retired: &Retired) -> Option<u64> {
    let (table, key) = retired.path.split_once('.')?;
    let Some(Value::Dict(_, inner)) = values.get_mut(table) else { return None };
    let number = inner.get(key)?.to_num().and_then(|number| whole(&number)).filter(|number| *number >= 1.0)? as u64;
    inner.remove(key);
    Some(number)
}

/// Returns remarks about retired settings. In a run's record, the usual value was written by the program and needs none.
pub(super) fn remarks(given: &[Given], layers: &Layers, is_record: bool) -> Vec<Problem> {
    let is_usual = |(retired, value): &&Given| value.as_u64() == Some(retired.value);
    let remark = |(retired, _): &Given| Problem {
        message: format!("`{}` is no longer a setting and has no effect", retired.path),
        place: layers.document(retired.path).and_then(|document| document.key(retired.path)),
        label: Some("can be removed".into()),
        help: vec![retired.reason.into()],
    };
    given.iter().filter(|given| !(is_record && is_usual(given))).map(remark).collect()
}
