//! Lists of tensor names short enough to read.

use std::collections::{BTreeMap, BTreeSet};

/// Up to this many tensors are named one by one.
const FEW: usize = 2;

/// Summarizes some of a checkpoint's tensors. Where all tensors below a name are meant, only that name is shown, as in
/// `lm_head.* (5 tensors)`; names that differ in the number of a layer become one. `all` includes the chosen ones.
#[must_use]
pub fn tensor_groups<'a>(chosen: &[&'a str], all: &[&'a str]) -> Vec<String> {
    if chosen.len() > FEW && chosen.len() == all.len() {
        return vec![format!("all {} tensors", all.len())];
    }
    let mut groups = Vec::new();
    collapse("", chosen, all, &mut groups);
    merged(groups).into_iter().map(TensorGroup::text).collect()
}

struct TensorGroup {
    pattern: String,
    tensors: usize,
}

impl TensorGroup {
    fn text(self) -> String {
        if self.pattern.contains('*') { format!("{} ({} tensors)", self.pattern, self.tensors) } else { self.pattern }
    }
}

/// Adds the groups of the tensors below `prefix`, which is empty or ends with a dot.
fn collapse(prefix: &str, chosen: &[&str], all: &[&str], groups: &mut Vec<TensorGroup>) {
    if !prefix.is_empty() && chosen.len() > FEW && chosen.len() == all.len() {
        groups.push(TensorGroup { pattern: format!("{prefix}*"), tensors: chosen.len() });
        return;
    }
    let mut seen = BTreeSet::new();
    for name in chosen {
        let Some(end) = name[prefix.len()..].find('.') else {
            groups.push(TensorGroup { pattern: (*name).into(), tensors: 1 });
            continue;
        };
        let inner = &name[..=prefix.len() + end];
        if seen.insert(inner) {
            let [chosen, all] =
                [chosen, all].map(|names| names.iter().copied().filter(|name| name.starts_with(inner)).collect::<Vec<&str>>());
            collapse(inner, &chosen, &all, groups);
        }
    }
}

/// Merges groups whose patterns differ only in numbers.
fn merged(groups: Vec<TensorGroup>) -> Vec<TensorGroup> {
    let any_number = |pattern: &str| {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        pattern.split('.').map(|part| if is_number(part) { "*" } else { part }).collect::<Vec<&str>>().join(".")
    };
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for group in &groups {
        *alike.entry(any_number(&group.pattern)).or_default() += 1;
    }
    let mut kept: Vec<TensorGroup> = Vec::new();
    for group in groups {
        let pattern = any_number(&group.pattern);
        let pattern = if alike[&pattern] > FEW { pattern } else { group.pattern };
        match kept.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.tensors += group.tensors,
            None => kept.push(TensorGroup { pattern, tensors: group.tensors }),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(chosen: &str, others: &str) -> Vec<String> {
        let chosen: Vec<&str> = chosen.split_whitespace().collect();
        let all: Vec<&str> = chosen.iter().copied().chain(others.split_whitespace()).collect();
        tensor_groups(&chosen, &all)
    }

    #[test]
    fn a_name_stands_for_all_tensors_below_it() {
        let head = "lm_head.bias lm_head.dense.weight lm_head.dense.bias";
        let encoder = "roberta.embeddings.weight roberta.encoder.weight";
        assert_eq!(groups(head, encoder), ["lm_head.* (3 tensors)"]);
        assert_eq!(groups(head, ""), ["all 3 tensors"]);
        assert_eq!(groups("a.x a.y", ""), ["a.x", "a.y"]);
        // Not all of them.
        assert_eq!(groups("a.b.x a.b.y a.b.z a.c", "a.d"), ["a.b.* (3 tensors)", "a.c"]);
        assert_eq!(groups("a.x a.y a.z", "ab.x a.w"), ["a.x", "a.y", "a.z"]);
        assert!(groups("", "a").is_empty());
    }

    #[test]
    fn layers_are_summed_up() {
        let of = |name: &str| (0..12).map(|layer| format!("layer.{layer}.{name}")).collect::<Vec<_>>().join(" ") + " ";
        let both = of("key.weight") + &of("key.bias");
        assert_eq!(groups(&both, &of("query")), ["layer.*.key.weight (12 tensors)", "layer.*.key.bias (12 tensors)"]);
        let three = both.clone() + &of("key.scale");
        assert_eq!(groups(&three, &of("query")), ["layer.*.key.* (36 tensors)"]);
    }
}
