//! The part of the schema that describes which settings a sweep can vary, and their values.

use serde_json::{Map, Value as Json, json};

use crate::settings::{Property, properties};

/// Adds every setting that can vary to `axes`, `paired` and `exclude`.
pub(super) fn fill_in(schema: &mut Json) {
    let settings = settings(schema);
    let property = |path: &str, pointer: &str| (path.to_string(), json!({ "$ref": pointer }));
    let values: Map<String, Json> = settings.iter().map(|(path, pointer)| property(path, pointer)).collect();
    let alone = settings.iter().filter(|(path, _)| properties().get(path).is_some_and(|property| property.can_be_axis));
    let axes: Map<String, Json> =
        alone.map(|(path, pointer)| (path.clone(), axis(pointer, is_number(schema, pointer)))).collect();
    let table =
        |properties: &Map<String, Json>| json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let Some(sweep) = schema.pointer_mut("/$defs/Sweep/properties") else { return };
    let mut put = |key: &str, part: &str, value: Json| {
        if let Some(target) = sweep.get_mut(key).and_then(Json::as_object_mut) {
            if part.is_empty() {
                target.remove("additionalProperties");
                target.extend(value.as_object().cloned().unwrap_or_default());
            } else {
                target.insert(part.into(), value);
            }
        }
    };
    put("axes", "", table(&axes));
    put("paired", "items", table(&values));
    put("exclude", "items", table(&values));
}

/// Returns the schema of an axis: a list of values or, for numbers, also a range.
fn axis(pointer: &str, is_number: bool) -> Json {
    let list = json!({ "type": "array", "minItems": 1, "items": { "$ref": pointer } });
    if is_number { json!({ "anyOf": [list, { "$ref": "#/$defs/Range" }] }) } else { list }
}

/// Returns the JSON pointer to the schema of the setting at a dotted path.
pub(super) fn pointer(schema: &Json, path: &str) -> Option<String> {
    let (table, key) = path.split_once('.').unwrap_or(("", path));
    let pointer =
        if table.is_empty() { format!("#/properties/{key}") } else { format!("{}/properties/{key}", definition(schema, table)?) };
    schema.pointer(&pointer[1..]).is_some().then_some(pointer)
}

/// Whether the setting at a dotted path is a whole number.
#[must_use]
pub fn is_whole(schema: &Json, path: &str) -> bool {
    pointer(schema, path)
        .is_some_and(|pointer| mentions_type(schema, &pointer, "integer") && !mentions_type(schema, &pointer, "number"))
}

fn is_number(schema: &Json, pointer: &str) -> bool {
    mentions_type(schema, pointer, "number") || mentions_type(schema, pointer, "integer")
}

fn mentions_type(schema: &Json, pointer: &str, kind: &str) -> bool {
    let Some(property) = schema.pointer(pointer.trim_start_matches('#')) else { return false };
    match property.get("type") {
        Some(Json::String(own)) => own == kind,
        Some(Json::Array(kinds)) => kinds.iter().any(|own| own == kind),
        _ => false,
    }
}

/// Returns the dotted paths and JSON pointers of the settings that can vary, in the order of the manual.
fn settings(schema: &Json) -> Vec<(String, String)> {
    let of_property = |property: &Property| {
        let pointer = pointer(schema, &property.path)?;
        // Of a key that holds a value or a table, the value varies.
        let is_value_or_table = property.table.is_empty() && definition(schema, &property.path).is_some();
        Some((property.path.clone(), if is_value_or_table { format!("{pointer}/anyOf/0") } else { pointer }))
    };
    properties().iter().filter(|property| property.can_be_swept).filter_map(of_property).collect()
}

/// Returns the dotted paths of all keys of a file, in the order of the manual.
#[must_use]
pub fn paths(schema: &Json) -> Vec<String> {
    let keys = |pointer: &str| -> Vec<String> {
        schema.pointer(pointer).and_then(Json::as_object).into_iter().flat_map(Map::keys).cloned().collect()
    };
    let inner = |table: &str| {
        let of_table = |definition: &str| keys(&format!("{}/properties", definition.trim_start_matches('#')));
        let paths = definition(schema, table).map(of_table).unwrap_or_default();
        paths.into_iter().map(|key| format!("{table}.{key}")).collect::<Vec<_>>()
    };
    let all = keys("/properties");
    let is_value = |key: &&String| inner(key).is_empty() || schema.pointer(&format!("/properties/{key}/$ref")).is_none();
    all.iter().filter(is_value).cloned().chain(all.iter().flat_map(|key| inner(key))).collect()
}

/// Returns the pointer to the table that a top-level key holds, or holds instead of a value.
pub(super) fn definition<'a>(schema: &'a Json, key: &str) -> Option<&'a str> {
    let property = schema.pointer(&format!("/properties/{key}"))?;
    let forms = property.get("anyOf").and_then(Json::as_array).into_iter().flatten();
    let reference = |form: &'a Json| {
        let pointer = form.get("$ref")?.as_str()?;
        schema.pointer(&format!("{}/properties", pointer.trim_start_matches('#'))).map(|_| pointer)
    };
    [property].into_iter().chain(forms).find_map(reference)
}
