//! Which licences a dependency may have. The list is the one in deny.toml, enforced here too,
//! because cargo-deny is not on every machine.

use std::fs;

use serde_json::Value;

use super::hold;
use crate::root::{self, root};

/// The strings of the array `key` in `deny.toml`'s section `section`.
fn strings(deny: &str, section: &str, key: &str) -> Vec<String> {
    let uncommented: String = deny
        .lines()
        .map(|l| format!("{}\n", before_comment(l)))
        .collect();
    let head = format!("[{section}]\n");
    let after = uncommented.split_once(&head).map_or("", |(_, after)| after);
    let body = after.split("\n[").next().unwrap_or_default();
    let open = format!("\n{key} = [");
    let body = format!("\n{body}");
    let list = body.split_once(&open).map_or("", |(_, list)| list);
    let list = list.split(']').next().unwrap_or_default();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn before_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}

/// Whether an SPDX expression can be satisfied with `allowed` licences alone.
fn is_satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let (satisfied, rest) = any_of(&words, allowed);
    satisfied && rest.is_empty()
}

fn any_of<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut satisfied, mut rest) = all_of(words, allowed);
    while let ["OR", tail @ ..] = rest {
        let (other, after) = all_of(tail, allowed);
        (satisfied, rest) = (satisfied || other, after);
    }
    (satisfied, rest)
}

fn all_of<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let (mut satisfied, mut rest) = one(words, allowed);
    while let ["AND", tail @ ..] = rest {
        let (other, after) = one(tail, allowed);
        (satisfied, rest) = (satisfied && other, after);
    }
    (satisfied, rest)
}

fn one<'a, 'b>(words: &'a [&'b str], allowed: &[String]) -> (bool, &'a [&'b str]) {
    let is_allowed = |licence: &str| allowed.iter().any(|known| known == licence);
    match words {
        ["(", inner @ ..] => match any_of(inner, allowed) {
            (satisfied, [")", rest @ ..]) => (satisfied, rest),
            (_, rest) => (false, rest),
        },
        // An exception only adds rights.
        [licence, "WITH", _, rest @ ..] | [licence, rest @ ..] => (is_allowed(licence), rest),
        [] => (false, words),
    }
}

/// Dependencies whose licence is not allowed, or whose name is banned.
fn violations(metadata: &Value, allowed: &[String], banned: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or("none named");
        if !is_satisfied(licence, allowed) {
            found.push(format!(
                "`{name}` is licensed `{licence}`, which deny.toml does not allow: choose another \
                 crate, or (a permissive licence only) add it to [licenses] allow with the reason"
            ));
        }
        if banned.iter().any(|other| other == name) {
            found.push(format!(
                "`{name}` is banned: deny.toml says what to use instead"
            ));
        }
    }
    found
}

fn deny() -> String {
    fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there")
}

#[test]
fn every_dependency_may_be_given_away() {
    let deny = deny();
    let allowed = strings(&deny, "licenses", "allow");
    let banned = strings(&deny, "bans", "deny");
    hold(&violations(
        &root::resolved().expect("cargo metadata runs"),
        &allowed,
        &banned,
    ));
}

#[test]
fn no_licence_that_binds_adopters_is_allowed() {
    let allowed = strings(&deny(), "licenses", "allow");
    assert!(
        allowed.iter().any(|licence| licence == "MIT"),
        "the list is not read: {allowed:?}"
    );
    for bound in [
        "GPL", "AGPL", "LGPL", "SSPL", "BUSL", "BSL-1.1", "CC-BY-NC", "Elastic",
    ] {
        let found = allowed.iter().find(|licence| licence.starts_with(bound));
        assert_eq!(
            found, None,
            "deny.toml allows a licence that binds adopters"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_are_understood() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
        let cases = [
            ("MIT", true),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only / MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
            ("MIT AND (AGPL-3.0-only OR SSPL-1.0)", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-3.0-only WITH Classpath-exception-2.0", false),
            ("none named", false),
            ("(MIT", false),
            ("", false),
        ];
        for (expression, expected) in cases {
            assert_eq!(is_satisfied(expression, &allowed), expected, "{expression}");
        }
    }

    #[test]
    fn a_forbidden_dependency_is_found() {
        let metadata = json!({"packages": [
            {"name": "good", "license": "MIT"},
            {"name": "bound", "license": "AGPL-3.0-only"},
            {"name": "silent", "license": null},
            {"name": "openssl", "license": "MIT"}]});
        let list = |name: &str| vec![name.to_owned()];
        let found = violations(&metadata, &list("MIT"), &list("openssl"));
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn the_lists_of_deny_toml_are_read() {
        let deny = "[bans]\nallow = [\"X\"]\n[licenses]\nallow = [\n  \"MIT\", # \"GPL\"\n  \"Zlib\",\n]\n[z]\n";
        assert_eq!(strings(deny, "licenses", "allow"), ["MIT", "Zlib"]);
        assert_eq!(strings(deny, "licenses", "deny"), Vec::<String>::new());
    }
}
