//! Generated text is fresh, and its marks stand in pairs.

use std::fs;

use super::hold;
use super::repository::{File, files};
use crate::generated::{ALL, Generated, replaced};
use crate::root::root;

fn violation(part: &Generated, document: &str) -> Option<String> {
    let Generated { path, name, text } = part;
    let cure = "run `cargo xtask generate` and commit what it writes";
    let fresh = text().and_then(|text| replaced(document, name, &text));
    match fresh {
        Ok(fresh) if fresh == document => None,
        Ok(_) => Some(format!(
            "{path}: the generated part `{name}` is stale: {cure}"
        )),
        Err(error) => Some(format!("{path}: {error:#}: put the marks back and {cure}")),
    }
}

/// Marks that nothing writes between.
fn orphans(documents: &[File], known: &[Generated]) -> Vec<String> {
    let mut found = Vec::new();
    for File { path, text } in documents {
        for line in text.lines() {
            let name = line
                .strip_prefix("<!-- generated: ")
                .and_then(|l| l.strip_suffix(" -->"));
            let Some(name) = name else { continue };
            if !known
                .iter()
                .any(|part| part.path == path && part.name == name)
            {
                found.push(format!(
                    "{path}: nothing generates `{name}`: add it to ALL in xtask/src/generated.rs, \
                     or take the marks away"
                ));
            }
        }
    }
    found
}

#[test]
fn every_generated_part_is_fresh() {
    let read = |part: &Generated| fs::read_to_string(root().join(part.path)).unwrap_or_default();
    let stale: Vec<_> = ALL
        .iter()
        .filter_map(|part| violation(part, &read(part)))
        .collect();
    hold(&stale);
}

#[test]
fn every_mark_has_its_generator() {
    hold(&orphans(&files(|path| path.ends_with(".md")), ALL));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_text_and_lost_marks_are_found() {
        let part = Generated {
            path: "a.md",
            name: "n",
            text: || Ok("new".to_owned()),
        };
        let with = |text: &str| format!("<!-- generated: n -->\n{text}\n<!-- end: n -->\n");
        assert_eq!(violation(&part, &with("new")), None);
        assert!(violation(&part, &with("old")).unwrap().contains("is stale"));
        assert!(violation(&part, "").unwrap().contains("put the marks back"));

        let document = |path: &str| {
            vec![File {
                path: path.to_owned(),
                text: with("new"),
            }]
        };
        let known = [part];
        assert_eq!(orphans(&document("a.md"), &known).len(), 0);
        assert_eq!(orphans(&document("b.md"), &known).len(), 1);
    }
}
