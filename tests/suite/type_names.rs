//! A name means one thing: no two types of the program have the same name.

use std::collections::BTreeMap;

use crate::support::project;

/// Returns the types that a file declares at its top level.
fn declared(text: &str) -> Vec<String> {
    let name = |item: syn::Item| match item {
        syn::Item::Struct(item) => Some(item.ident.to_string()),
        syn::Item::Enum(item) => Some(item.ident.to_string()),
        syn::Item::Trait(item) => Some(item.ident.to_string()),
        syn::Item::Type(item) => Some(item.ident.to_string()),
        _ => None,
    };
    syn::parse_file(text).unwrap().items.into_iter().filter_map(name).collect()
}

#[test]
fn a_name_is_that_of_one_type() {
    let root = project("src");
    let mut files = Vec::new();
    crate::architecture::sources(&root, &mut files);
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let mut names = declared(&std::fs::read_to_string(&file).unwrap());
        // A file may declare a type twice, with a feature and without it.
        names.sort();
        names.dedup();
        // A kernel's CPU and GPU implementations have the same name, because they are one operation.
        let path = file.strip_prefix(&root).unwrap().display().to_string();
        let operation = path.replace("kernels/cpu", "kernels/…").replace("kernels/gpu", "kernels/…").replace("/mod.rs", ".rs");
        for name in names {
            let known = places.entry(name).or_default();
            if !known.contains(&operation) {
                known.push(operation.clone());
            }
        }
    }
    assert!(places.len() > 400, "only {} types were found", places.len());
    let shared: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(shared.is_empty(), "{shared:#?}");
}

#[test]
fn every_kind_of_type_is_found() {
    let text = "pub struct A; enum B {} pub(crate) trait C {} type D = u8; fn f() {} mod tests { struct E; }";
    assert_eq!(declared(text), ["A", "B", "C", "D"]);
}
