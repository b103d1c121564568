//! What a crate must never be able to name, and what it must have: the invariants that
//! ARCHITECTURE.md states as absences.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::hold;
use super::repository::{File, rust_files};
use super::rust_text::{Kind, line_of, only, words};
use crate::root;

/// Crates that must not be anywhere in a member's tree, whichever way they would get there. A
/// name stands for every crate that begins with it.
const ABSENT: &[(&str, &[&str])] = &[
    (
        "payhook-domain",
        &["tokio", "axum", "hyper", "rusqlite", "aws-", "tracing"],
    ),
    (
        "payhook-asl",
        &["tokio", "axum", "hyper", "rusqlite", "aws-"],
    ),
    (
        "payhook-pattern",
        &["tokio", "axum", "hyper", "rusqlite", "aws-"],
    ),
    (
        "payhook-engine",
        &[
            "rusqlite",
            "libsqlite3-sys",
            "aws-sdk",
            "aws-config",
            "lambda_",
            "opentelemetry",
        ],
    ),
    (
        "payhook-processor",
        &["rusqlite", "libsqlite3-sys", "aws-sdk", "axum"],
    ),
    ("payhook-lambdas", &["rusqlite", "libsqlite3-sys"]),
    ("payhook", &["aws-sdk", "aws-config", "lambda_"]),
];

/// Crates that must be in a member's tree as soon as it has the other: the proof that an
/// absence above is not the absence of a name that was changed.
const PRESENT: &[(&str, &str, &str)] = &[
    ("payhook", "payhook-store-sqlite", "rusqlite"),
    (
        "payhook-lambdas",
        "payhook-store-dynamodb",
        "aws-sdk-dynamodb",
    ),
];

/// The only places that may name a store's adapter, by the crate they are in.
const ADAPTERS: &[(&str, &[&str])] = &[
    ("crates/server/src/", &["crates/server/src/wire.rs"]),
    (
        "crates/lambdas/src/",
        &[
            "crates/lambdas/src/bin/validator.rs",
            "crates/lambdas/src/bin/processor.rs",
        ],
    ),
];

/// The names of everything that `member` is built from, dev-dependencies aside.
fn tree<'a>(resolved: &'a Value, member: &str) -> HashSet<&'a str> {
    let packages = resolved["packages"].as_array().into_iter().flatten();
    let names: HashMap<_, _> = packages
        .filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?)))
        .collect();
    let nodes = resolved["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten();
    let nodes: HashMap<_, _> = nodes
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut open: Vec<_> = names
        .iter()
        .filter(|&(_, name)| *name == member)
        .map(|(&id, _)| id)
        .collect();
    let mut seen = HashSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in nodes
            .get(id)
            .into_iter()
            .flat_map(|node| node["deps"].as_array())
        {
            let built_in = |dependency: &&Value| {
                let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
                kinds.into_iter().any(|kind| kind["kind"] != "dev")
            };
            let targets = dependency.iter().filter(built_in);
            open.extend(targets.filter_map(|dependency| dependency["pkg"].as_str()));
        }
    }
    seen.into_iter()
        .filter_map(|id| names.get(id).copied())
        .collect()
}

/// What is in a tree and must not be, or is not and must be.
fn tree_violations(resolved: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (member, absent) in ABSENT {
        let mut tree: Vec<_> = tree(resolved, member).into_iter().collect();
        tree.sort_unstable();
        for name in tree {
            if absent.iter().any(|start| name.starts_with(start)) {
                found.push(format!(
                    "`{member}` must not be built with `{name}`: find who brings it with `cargo \
                     tree -p {member} -i {name} -e normal` and cut that arrow or feature"
                ));
            }
        }
    }
    for (member, reason, present) in PRESENT {
        let tree = tree(resolved, member);
        if tree.contains(reason) && !tree.contains(present) {
            found.push(format!(
                "`{member}` has `{reason}` and not `{present}`: the rule that keeps `{present}` \
                 out of other crates looks for a name that is gone; mend ABSENT and PRESENT in \
                 xtask/src/house/purity.rs"
            ));
        }
    }
    found
}

/// What makes the domain more than `no_std` + `alloc`.
fn std_violations(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("crates/domain/src/"))
    {
        let code = only(&file.text, Kind::Code);
        if file.path == "crates/domain/src/lib.rs" && !code.contains("#![no_std]") {
            found.push(format!(
                "{}: `#![no_std]` is gone: put it back, unconditionally",
                file.path
            ));
        }
        let all: Vec<_> = words(&code).collect();
        for three in all.windows(3) {
            if let [(at, "extern"), (_, "crate"), (_, "std")] = three {
                found.push(format!(
                    "{}:{}: the domain takes in `std`: use `core` or `alloc`, or take what is \
                     needed as an argument",
                    file.path,
                    line_of(&code, *at)
                ));
            }
        }
    }
    found
}

/// Where an adapter is named outside the composition roots.
fn adapter_violations(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let Some((_, roots)) = ADAPTERS
            .iter()
            .find(|(room, _)| file.path.starts_with(room))
        else {
            continue;
        };
        if roots.contains(&file.path.as_str()) {
            continue;
        }
        let code = only(&file.text, Kind::Code);
        for (at, word) in words(&code) {
            if matches!(word, "store_sqlite" | "store_dynamodb" | "rusqlite") {
                found.push(format!(
                    "{}:{}: names `{word}`: only {} may; ask for a port (a trait of \
                     engine::store) and let that file pass the adapter in",
                    file.path,
                    line_of(&code, at),
                    roots.join(" and ")
                ));
            }
        }
    }
    found
}

#[test]
fn no_crate_is_built_with_what_it_must_not_have() {
    hold(&tree_violations(
        &root::resolved().expect("cargo metadata runs"),
    ));
}

#[test]
fn the_domain_has_no_std() {
    hold(&std_violations(&rust_files()));
}

#[test]
fn only_the_composition_roots_name_a_store() {
    hold(&adapter_violations(&rust_files()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(path: &str, text: &str) -> Vec<File> {
        vec![File {
            path: path.to_owned(),
            text: text.to_owned(),
        }]
    }

    /// Packages by name, and arrows with their kind.
    fn resolved(arrows: &[(&str, &str, Value)]) -> Value {
        let names: HashSet<_> = arrows
            .iter()
            .flat_map(|(from, to, _)| [*from, *to])
            .collect();
        let packages: Vec<_> = names.iter().map(|n| json!({"id": n, "name": n})).collect();
        let node = |name: &&str| {
            let own = arrows.iter().filter(|(from, ..)| from == name);
            let deps: Vec<_> = own
                .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": name, "deps": deps})
        };
        json!({"packages": packages,
               "resolve": {"nodes": names.iter().map(node).collect::<Vec<_>>()}})
    }

    #[test]
    fn what_must_be_absent_is_found_however_far_away() {
        let far = |kind: Value| {
            resolved(&[
                ("payhook-lambdas", "payhook-engine", Value::Null),
                ("payhook-engine", "helper", Value::Null),
                ("helper", "rusqlite", kind),
            ])
        };
        let found = tree_violations(&far(Value::Null));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("cargo tree -p payhook-engine -i rusqlite"),
            "{found:?}"
        );
        assert_eq!(tree_violations(&far(json!("build"))).len(), 2);
        assert_eq!(tree_violations(&far(json!("dev"))).len(), 0);
    }

    #[test]
    fn what_must_be_present_is_missed() {
        let renamed = resolved(&[
            ("payhook", "payhook-store-sqlite", Value::Null),
            (
                "payhook-store-sqlite",
                "sqlite-of-another-name",
                Value::Null,
            ),
        ]);
        assert!(tree_violations(&renamed)[0].contains("a name that is gone"));
        let whole = resolved(&[
            ("payhook", "payhook-store-sqlite", Value::Null),
            ("payhook-store-sqlite", "rusqlite", Value::Null),
        ]);
        assert_eq!(tree_violations(&whole), Vec::<String>::new());
    }

    #[test]
    fn std_in_the_domain_is_found() {
        let lib = "crates/domain/src/lib.rs";
        assert_eq!(
            std_violations(&file(lib, "#![no_std]\nextern crate alloc;")).len(),
            0
        );
        assert_eq!(std_violations(&file(lib, "// #![no_std]")).len(), 1);
        assert_eq!(
            std_violations(&file(lib, "#![no_std]\nextern  crate\nstd;")).len(),
            1
        );
        let event = "crates/domain/src/event.rs";
        assert_eq!(
            std_violations(&file(event, "extern crate std as core;")).len(),
            1
        );
        assert_eq!(std_violations(&file(event, "// extern crate std")).len(), 0);
    }

    #[test]
    fn an_adapter_named_elsewhere_is_found() {
        let use_it = "use store_sqlite::SqliteStore;";
        let cases = [
            ("crates/server/src/wire.rs", 0),
            ("crates/server/src/cli/serve.rs", 1),
            ("crates/lambdas/src/environment.rs", 1),
            ("crates/lambdas/src/bin/processor.rs", 0),
            ("crates/store-sqlite/src/lib.rs", 0),
        ];
        for (path, expected) in cases {
            assert_eq!(
                adapter_violations(&file(path, use_it)).len(),
                expected,
                "{path}"
            );
        }
        let comment = file("crates/server/src/config.rs", "// store_sqlite reads this");
        assert_eq!(adapter_violations(&comment).len(), 0);
    }
}
