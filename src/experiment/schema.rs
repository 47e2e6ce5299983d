//! The JSON Schema of experiment files, generated from the settings' types.

use std::sync::LazyLock;

use figment::value::Value;
use serde_json::Value as Json;

use super::document::from_json;
use super::sweepable;
use crate::settings::{Settings, Sweep, strip};

/// Returns the schema of experiment files.
#[must_use]
pub fn schema() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(generated);
    &SCHEMA
}

fn generated() -> Json {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let sweep = generator.subschema_for::<Sweep>().to_value();
    let mut schema = generator.into_root_schema_for::<Settings>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), Json::from("gluepot experiment"));
    }
    // A sweep is part of the file, but not a setting of a trial.
    if let Some(properties) = schema.pointer_mut("/properties").and_then(Json::as_object_mut) {
        properties.insert("sweep".into(), sweep);
    }
    sweepable::fill_in(&mut schema);
    strip(&mut schema);
    // The default is the file's name, which a schema cannot express.
    if let Some(name) = schema.pointer_mut("/properties/name").and_then(Json::as_object_mut) {
        name.remove("default");
    }
    schema
}

/// Returns an example for each required key, taken from the schema.
#[must_use]
pub fn examples(schema: &Json) -> Vec<(String, Value)> {
    let required = schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let example = |key: &str| Some((key.to_string(), from_json(schema.pointer(&format!("/properties/{key}/examples/0"))?)));
    required.filter_map(example).collect()
}
