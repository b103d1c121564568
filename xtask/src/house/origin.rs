//! Where things come from: nothing in the project may depend on one machine's folders, or on
//! any package registry but the public ones.

use serde_json::Value;

use super::hold;
use super::repository::{File, files};

/// The only source of Rust packages.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The only source of npm packages.
const NPM: &str = "https://registry.npmjs.org/";

/// How absolute paths of a person's or a builder's machine begin.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Settings that point a package manager at another registry.
const REGISTRY_SETTINGS: &[&str] = &[
    concat!("replace", "-with"),
    concat!("[regis", "tries"),
    concat!("index", "-url"),
    concat!("artifac", "tory"),
    concat!("npm_config_", "registry"),
];

fn violations(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        match name {
            "Cargo.lock" => found.extend(cargo_lock(file)),
            "package-lock.json" => found.extend(package_lock(file)),
            _ => {}
        }
        for (number, line) in file.text.lines().enumerate() {
            for start in MACHINE_PATHS {
                if has_path(line, start) {
                    found.push(format!(
                        "{}:{}: a path of one machine (`{start}…`): make it relative to the \
                         workspace, or take it from a setting",
                        file.path,
                        number + 1
                    ));
                }
            }
            for setting in REGISTRY_SETTINGS {
                if line.to_ascii_lowercase().contains(setting) {
                    found.push(format!(
                        "{}:{}: `{setting}`: which registry mirror is used is each machine's own \
                         configuration; keep it out of the project",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    found
}

/// Whether a path that begins with `start` stands in `line`, and not the middle of another.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + start.len()..].chars().next();
        let inside =
            |character: char| character.is_alphanumeric() || "._-/}~*>".contains(character);
        !before.is_some_and(inside) && after.is_some_and(|character| character.is_alphanumeric())
    })
}

fn cargo_lock(file: &File) -> Vec<String> {
    let source = |line: &str| {
        Some(
            line.strip_prefix("source = \"")?
                .strip_suffix('"')?
                .to_owned(),
        )
    };
    let foreign = |(number, line): (usize, &str)| {
        let source = source(line)?;
        (source != CRATES_IO).then(|| {
            format!(
                "{}:{}: a package from `{source}`: depend on a release on crates.io, and lock it \
                 with that source",
                file.path,
                number + 1
            )
        })
    };
    file.text.lines().enumerate().filter_map(foreign).collect()
}

fn package_lock(file: &File) -> Vec<String> {
    let Ok(lock) = serde_json::from_str::<Value>(&file.text) else {
        return vec![format!(
            "{}: is no JSON: write it anew with `npm install`",
            file.path
        )];
    };
    let packages = lock["packages"].as_object().into_iter().flatten();
    let foreign = |(name, package): (&String, &Value)| {
        let resolved = package["resolved"].as_str()?;
        let local = package["link"] == true;
        (!local && !resolved.starts_with(NPM)).then(|| {
            format!(
                "{}: `{name}` comes from `{resolved}`: lock it with {NPM} as its source",
                file.path
            )
        })
    };
    packages.filter_map(foreign).collect()
}

#[test]
fn nothing_depends_on_one_machine_or_on_a_private_registry() {
    hold(&violations(&files(|_| true)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        violations(&[File {
            path: path.to_owned(),
            text: text.to_owned(),
        }])
        .len()
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let cases = [
            (concat!("see /wo", "rk/main/x"), 1),
            (concat!("\"/ho", "me/ann/x\""), 1),
            (concat!("file:///ro", "ot/x"), 0),
            (concat!("docs/wo", "rk/plan.md"), 0),
            (concat!("https://example.com/ho", "me/index"), 0),
            (concat!("/wo", "rk/"), 0),
            ("/var/lib/payhook", 0),
        ];
        for (line, expected) in cases {
            assert_eq!(found("README.md", line), expected, "{line}");
        }
    }

    #[test]
    fn other_registries_are_found() {
        let lock = |source: &str| format!("[[package]]\nname = \"a\"\nsource = \"{source}\"\n");
        assert_eq!(found("Cargo.lock", &lock(CRATES_IO)), 0);
        assert_eq!(
            found("Cargo.lock", &lock("sparse+https://mirror.example/index/")),
            1
        );
        assert_eq!(
            found("fuzz/Cargo.lock", &lock("git+https://github.com/a/b#c")),
            1
        );

        let npm = |source: &str| {
            format!(r#"{{"packages": {{"": {{}}, "node_modules/a": {{"resolved": "{source}"}}}}}}"#)
        };
        assert_eq!(
            found(
                "infra/package-lock.json",
                &npm(&format!("{NPM}a/-/a-1.0.0.tgz"))
            ),
            0
        );
        assert_eq!(
            found(
                "infra/package-lock.json",
                &npm("https://mirror.example/a.tgz")
            ),
            1
        );
        assert_eq!(found("infra/package-lock.json", "{"), 1);

        let settings = [
            (
                ".cargo/config.toml",
                concat!("[source.crates-io]\nreplace", "-with = \"mirror\""),
            ),
            (
                "requirements.txt",
                concat!("--index", "-url https://mirror.example/simple"),
            ),
        ];
        for (path, text) in settings {
            assert_eq!(found(path, text), 1, "{path}");
        }
    }
}
