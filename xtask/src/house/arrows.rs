//! Which crate may name which. The table is the house's floor plan; a new arrow is a decision,
//! made there first.

use serde_json::Value;

use super::hold;
use crate::root;

/// One crate and the crates that it may name. `testbed` may be added to any as a
/// dev-dependency, and to none otherwise.
const ARROWS: &[(&str, &[&str])] = &[
    ("payhook-domain", &[]),
    ("payhook-asl", &[]),
    ("payhook-pattern", &[]),
    ("payhook-vault", &[]),
    (
        "payhook-engine",
        &["payhook-domain", "payhook-asl", "payhook-pattern"],
    ),
    ("payhook-processor", &["payhook-domain"]),
    (
        "payhook-store-sqlite",
        &[
            "payhook-vault",
            "payhook-engine",
            "payhook-domain",
            "payhook-asl",
            "payhook-pattern",
        ],
    ),
    (
        "payhook-store-dynamodb",
        &[
            "payhook-engine",
            "payhook-domain",
            "payhook-asl",
            "payhook-pattern",
        ],
    ),
    ("payhook-telemetry", &["payhook-domain", "payhook-engine"]),
    ("payhook-upstream", &["payhook-domain", "payhook-engine"]),
    (
        "payhook",
        &[
            "payhook-telemetry",
            "payhook-upstream",
            "payhook-store-sqlite",
            "payhook-vault",
            "payhook-engine",
            "payhook-processor",
            "payhook-domain",
            "payhook-asl",
            "payhook-pattern",
        ],
    ),
    (
        "payhook-lambdas",
        &[
            "payhook-telemetry",
            "payhook-store-dynamodb",
            "payhook-engine",
            "payhook-processor",
            "payhook-domain",
            "payhook-asl",
            "payhook-pattern",
        ],
    ),
    (
        "payhook-testbed",
        &[
            "payhook-engine",
            "payhook-processor",
            "payhook-domain",
            "payhook-asl",
        ],
    ),
    ("xtask", &[]),
];

/// The arrows in `members` (`cargo metadata --no-deps`) that the table does not have.
fn violations(members: &Value) -> Vec<String> {
    let packages = members["packages"]
        .as_array()
        .expect("cargo metadata has packages");
    let names: Vec<_> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut found = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            found.push(format!(
                "crate `{name}` is not in the floor plan: decide whom it may name and add it to \
                 ARROWS in xtask/src/house/arrows.rs and to ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let dev = dependency["kind"] == "dev";
            let testbed = dev && target == "payhook-testbed";
            if names.contains(&target) && !allowed.contains(&target) && !testbed {
                let cure = if target == "payhook-testbed" {
                    "move it to [dev-dependencies]"
                } else {
                    "move what is needed to a crate that both may name, or pass it in as an \
                     argument or through a port"
                };
                found.push(format!(
                    "`{name}` names `{target}`, which it must not: {cure}"
                ));
            }
        }
    }
    found
}

#[test]
fn every_arrow_between_crates_is_in_the_floor_plan() {
    hold(&violations(&root::members().expect("cargo metadata runs")));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_forbidden_arrow_is_found() {
        let cases = [
            ("payhook-engine", "payhook-domain", Value::Null, 0),
            ("payhook-domain", "payhook-asl", Value::Null, 1),
            ("payhook-processor", "payhook-engine", Value::Null, 1),
            ("payhook-engine", "payhook-processor", json!("dev"), 1),
            ("payhook-engine", "payhook", json!("build"), 1),
            ("payhook-engine", "payhook-testbed", json!("dev"), 0),
            ("payhook-engine", "payhook-testbed", Value::Null, 1),
            ("payhook-lambdas", "payhook-store-sqlite", Value::Null, 1),
            (
                "payhook-store-sqlite",
                "payhook-store-dynamodb",
                Value::Null,
                1,
            ),
            ("payhook", "payhook-store-sqlite", Value::Null, 0),
            ("xtask", "payhook-domain", Value::Null, 1),
        ];
        for (from, to, kind, expected) in cases {
            let members = json!({"packages": [
                {"name": from, "dependencies": [{"name": to, "kind": kind}]},
                {"name": to, "dependencies": [{"name": "serde", "kind": null}]}]});
            let found = violations(&members);
            assert_eq!(found.len(), expected, "{from} -> {to}: {found:?}");
        }
    }

    #[test]
    fn a_crate_that_nobody_decided_about_is_found() {
        let members = json!({"packages": [{"name": "payhook-utils", "dependencies": []}]});
        assert!(violations(&members)[0].contains("`payhook-utils` is not in the floor plan"));
    }
}
