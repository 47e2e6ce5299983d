//! The stand-ins in vendor/ are each written for one version of CubeCL; vendor/README.md says how to update them.

use crate::support::project;

fn manifest(path: &str) -> toml::Table {
    toml::from_str(&std::fs::read_to_string(project(path)).unwrap()).unwrap()
}

/// Returns the versions of a package in the lock file that come from the registry, not from vendor/.
fn registered(name: &str) -> Vec<String> {
    let lock = manifest("Cargo.lock");
    let packages = lock["package"].as_array().unwrap().iter();
    let ours = packages.filter(|package| package["name"].as_str() == Some(name) && package.get("source").is_some());
    ours.map(|package| package["version"].as_str().unwrap().to_string()).collect()
}

#[test]
fn the_stand_ins_are_for_the_cubecl_in_use() {
    let version =
        |folder: &str| manifest(&format!("vendor/{folder}/Cargo.toml"))["package"]["version"].as_str().unwrap().to_string();
    for user in ["cubecl-cuda", "cubecl-environment"] {
        assert_eq!(
            registered(user),
            [version("cubecl-llvm")],
            "CubeCL has moved: vendor/cubecl-llvm and vendor/turso stand in for what version {} uses of cubecl-llvm and turso. \
             Compare them with what {user} calls now, as vendor/README.md describes, and give them its versions.",
            version("cubecl-llvm"),
        );
    }
    for name in ["cubecl-llvm", "turso"] {
        assert_eq!(
            registered(name),
            Vec::<String>::new(),
            "{name} comes from the registry: its stand-in's version, {}, does not fit",
            version(name)
        );
    }
}
