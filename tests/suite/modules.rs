//! The rooms of docs/design.md: which module may use which, read from every path in the source, including nested `use`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};

use crate::support::project;

/// The top-level modules, lowest first: a module may use only those listed before it.
const ROOMS: [&str; 29] = [
    "terminal",
    "numbers",
    "machine",
    "random",
    "hub",
    "table",
    "task",
    "submission",
    "architecture",
    "checkpoint",
    "settings",
    "experiment",
    "kernels",
    "models",
    "plan",
    "tokens",
    "train",
    "runs",
    "failure",
    "inputs",
    "inference",
    "sweep",
    "compare",
    "cli",
    "progress",
    "report",
    "execute",
    "commands",
    "main",
];

/// The paths that one source file refers to, from the crate's root; tests are ignored.
struct References<'a> {
    /// The module of the file: `["train", "learner"]`.
    module: &'a [String],
    found: Vec<Vec<String>>,
}

impl References<'_> {
    fn add(&mut self, path: &[String]) {
        let mut resolved: Vec<String> = match path.first().map(String::as_str) {
            Some("crate" | "gluepot") => Vec::new(),
            Some("self" | "super") => self.module.to_vec(),
            _ => return,
        };
        for segment in path {
            match segment.as_str() {
                "crate" | "gluepot" | "self" => {}
                "super" => drop(resolved.pop()),
                name => resolved.push(name.to_string()),
            }
        }
        self.found.push(resolved);
    }

    fn tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(before, item)),
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for References<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }
}

/// Maps the module of each source file to the modules that it refers to: the deepest ones with a file of their own.
fn graph() -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let root = project("src");
    let mut files = Vec::new();
    crate::architecture::sources(&root, &mut files);
    let module = |path: &Path| -> Vec<String> {
        let path = path.strip_prefix(&root).unwrap().with_extension("");
        path.iter().map(|part| part.to_str().unwrap().to_string()).filter(|part| part != "mod").collect()
    };
    let modules: BTreeSet<Vec<String>> = files.iter().map(|file| module(file)).filter(|module| *module != ["lib"]).collect();
    assert!(modules.len() > 200);
    let mut graph = BTreeMap::new();
    for file in &files {
        let own = module(file);
        if own == ["lib"] {
            continue;
        }
        let text = std::fs::read_to_string(file).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if is_for_tests(&parsed.attrs) {
            continue;
        }
        let mut references = References { module: &own, found: Vec::new() };
        references.visit_file(&parsed);
        let deepest = |path: &Vec<String>| (1..=path.len()).rev().map(|end| path[..end].to_vec()).find(|m| modules.contains(m));
        graph.insert(own.clone(), references.found.iter().filter_map(deepest).filter(|module| *module != own).collect());
    }
    graph
}

#[test]
fn rooms_use_only_what_is_below_them() {
    let graph = graph();
    let height = |room: &str| ROOMS.iter().position(|known| *known == room);
    let edges = graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let mut across = 0;
    for (from, to) in edges.filter(|(from, to)| from[0] != to[0]) {
        let [Some(upper), Some(lower)] = [&from[0], &to[0]].map(|room| height(room)) else {
            panic!("{} or {} has no place among the rooms", from[0], to[0]);
        };
        assert!(lower < upper, "src/{} uses {}, which stands above it", from.join("/"), to.join("::"));
        across += 1;
    }
    assert!(across > 300, "only {across} references were found");
}

/// Files that use each other are one unit in two places, even within a room. A folder's `mod.rs` and the files in the
/// folder are exempt.
#[test]
fn no_two_files_use_each_other() {
    let graph = graph();
    for (from, all) in &graph {
        for to in all.iter().filter(|to| !from.starts_with(to) && !to.starts_with(from)) {
            let back = graph.get(to).is_some_and(|uses| uses.contains(from));
            assert!(!back, "{} and {} use each other", from.join("::"), to.join("::"));
        }
    }
}

#[test]
fn paths_in_every_form_are_found() {
    let text = "use crate::{runs::{self, Status}, plan as planned}; pub(super) use super::sibling::Thing; \
                fn f() { crate::hub::Hub::offline(); } #[cfg(test)] mod tests { use crate::report::Table; }";
    let module = ["sweep".to_string(), "plan".to_string()];
    let mut references = References { module: &module, found: Vec::new() };
    references.visit_file(&syn::parse_file(text).unwrap());
    let found: Vec<String> = references.found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["runs", "runs::Status", "plan", "sweep::sibling::Thing", "hub::Hub::offline"]);
}
