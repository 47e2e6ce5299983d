//! The name that was probably meant.

use serde_json::Value as Json;

/// The candidate within a few typing errors of `word`, if there is one.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = 1 + word.chars().count() / 4;
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    let close = candidates.map(|candidate| (distance(candidate), candidate)).filter(|(distance, _)| *distance <= allowed);
    close.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Names of other tools, and the path of the setting that does the same here.
const ELSEWHERE: [(&str, &str); 31] = [
    ("lr", "learning_rate"),
    ("num_train_epochs", "epochs"),
    ("num_epochs", "epochs"),
    ("n_epochs", "epochs"),
    ("model_name_or_path", "checkpoint"),
    ("model_name", "checkpoint"),
    ("pretrained", "checkpoint"),
    ("task_name", "task"),
    ("dataset", "task"),
    ("metric_for_best_model", "metric"),
    ("per_device_train_batch_size", "data.batch_size"),
    ("per_device_eval_batch_size", "data.eval_batch_size"),
    ("max_seq_length", "data.max_length"),
    ("max_train_samples", "data.train_limit"),
    ("max_eval_samples", "data.eval_limit"),
    ("gradient_accumulation_steps", "training.gradient_accumulation"),
    ("lr_scheduler_type", "schedule.kind"),
    ("eval_steps", "evaluation.every"),
    ("logging_steps", "logging.every"),
    ("adam_epsilon", "optimizer.epsilon"),
    ("adam_beta1", "optimizer.beta1"),
    ("adam_beta2", "optimizer.beta2"),
    ("optim", "optimizer"),
    ("train", "training"),
    ("fp16", "training.precision"),
    ("bf16", "training.precision"),
    ("eval_strategy", "evaluation.every"),
    ("evaluation_strategy", "evaluation.every"),
    ("save_strategy", "evaluation.every"),
    ("save_total_limit", "checkpoints.keep"),
    ("load_best_model_at_end", "checkpoints.keep"),
];

/// The path of the setting that goes by this name in another tool.
#[must_use]
pub fn here(key: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(name, _)| *name == key).map(|(_, path)| *path)
}

/// The place of a key that stands in the wrong table, or goes by another tool's name.
#[must_use]
pub fn where_it_belongs(key: &str, table: &str, schema: &Json) -> Option<String> {
    if let Some(path) = here(key) {
        return Some(format!("it is called {} here", place(path)));
    }
    let properties = schema.get("properties")?.as_object()?;
    if properties.contains_key(key) && !table.is_empty() {
        return Some(format!("`{key}` belongs at the top of the file, above the first [table]"));
    }
    let in_table = |(name, property): (&String, &Json)| -> Option<String> {
        let definition = schema.pointer(property.get("$ref")?.as_str()?.trim_start_matches('#'))?;
        (name != table && definition.get("properties")?.get(key).is_some()).then(|| place(&format!("{name}.{key}")))
    };
    properties.iter().find_map(in_table).map(|place| format!("this setting is {place}"))
}

fn place(path: &str) -> String {
    match path.split_once('.') {
        Some((table, key)) => format!("`{key}` in the table [{table}]"),
        None => format!("`{path}`"),
    }
}
