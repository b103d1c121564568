//! Which licences a dependency may have. The list is the one in deny.toml, enforced here too,
//! because cargo-deny is not on every machine.

use std::fs;

use serde_json::Value;

use super::hold;
use crate::root::{self, root};

/// A crate that is banned, but for what its wrappers bring along.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ban {
    name: String,
    wrappers: Vec<String>,
}

/// The text of the array `key` in `deny.toml`'s section `section`, without comments.
fn array(deny: &str, section: &str, key: &str) -> String {
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
    // It ends on its line, or with a line of its own.
    let end = if list.starts_with('\n') { "\n]" } else { "]\n" };
    let (list, _) = list.split_once(end).unwrap_or((list, ""));
    list.to_owned()
}

/// The strings of a text.
fn strings_in(text: &str) -> Vec<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// The strings of the array `key` in `deny.toml`'s section `section`.
fn strings(deny: &str, section: &str, key: &str) -> Vec<String> {
    strings_in(&array(deny, section, key))
}

/// What is banned: a line a crate, by its name alone or with the crates that may bring it along.
fn bans(deny: &str) -> Vec<Ban> {
    let list = array(deny, "bans", "deny");
    let lines = list.lines().map(strings_in);
    lines
        .filter_map(|mut names| {
            let wrappers = names.split_off(1.min(names.len()));
            let name = names.pop()?;
            Some(Ban { name, wrappers })
        })
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
fn violations(metadata: &Value, allowed: &[String], banned: &[Ban]) -> Vec<String> {
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
        let ban = banned.iter().find(|ban| ban.name == name);
        if ban.is_some_and(|ban| !is_only_wrapped(metadata, ban)) {
            found.push(format!(
                "`{name}` is banned: deny.toml says what to use instead"
            ));
        }
    }
    found
}

/// Whether nobody depends on what is banned but those who may bring it along.
fn is_only_wrapped(metadata: &Value, ban: &Ban) -> bool {
    let mut dependents = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| {
            let dependencies = package["dependencies"].as_array();
            let mut names = dependencies.into_iter().flatten();
            names.any(|it| {
                // Not what others use for their tests, or could use if asked.
                let is_used = it["kind"].is_null() && it["optional"] != true;
                is_used && it["name"] == ban.name.as_str()
            })
        })
        .map(|package| package["name"].as_str().unwrap_or_default());
    !ban.wrappers.is_empty()
        && dependents.all(|name| ban.wrappers.iter().any(|wrapper| wrapper == name))
}

fn deny() -> String {
    fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there")
}

#[test]
fn every_dependency_may_be_given_away() {
    let deny = deny();
    let allowed = strings(&deny, "licenses", "allow");
    let banned = bans(&deny);
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
        let allowed = vec!["MIT".to_owned()];
        let ban = Ban {
            name: "openssl".to_owned(),
            wrappers: Vec::new(),
        };
        let found = violations(&metadata, &allowed, &[ban]);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_wrapper_may_bring_along_what_is_banned_and_nobody_else() {
        let deny = "[bans]\ndeny = [\n  \"openssl\",\n  { crate = \"chrono\", wrappers = [\"query\"] },\n]\n";
        let bans = bans(deny);
        let chrono = Ban {
            name: "chrono".to_owned(),
            wrappers: vec!["query".to_owned()],
        };
        assert_eq!(bans.get(1), Some(&chrono));
        let depends = |name: &str| json!({"name": name, "license": "MIT", "dependencies": [{"name": "chrono"}]});
        let leaf = json!({"name": "chrono", "license": "MIT", "dependencies": []});
        let allowed = vec!["MIT".to_owned()];
        let wrapped = json!({"packages": [leaf, depends("query")]});
        assert_eq!(violations(&wrapped, &allowed, &bans).len(), 0);
        let direct = json!({"packages": [leaf, depends("query"), depends("ours")]});
        assert_eq!(violations(&direct, &allowed, &bans).len(), 1);
    }

    #[test]
    fn the_lists_of_deny_toml_are_read() {
        let deny = "[bans]\nallow = [\"X\"]\n[licenses]\nallow = [\n  \"MIT\", # \"GPL\"\n  \"Zlib\",\n]\n[z]\n";
        assert_eq!(strings(deny, "licenses", "allow"), ["MIT", "Zlib"]);
        assert_eq!(strings(deny, "licenses", "deny"), Vec::<String>::new());
    }
}
