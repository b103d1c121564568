//! The house rules, as tests: `cargo test -p xtask`.
//!
//! A rule is a pure function from text (a manifest, a source file, a document) to violations,
//! so that a fixture beside it can show that it fails when it should. A violation says where,
//! what, and the cure. Rules read; they never write.

mod repository;
mod rust_text;
mod arrows;
mod purity;
mod sources;
mod tests_only;
mod origin;
mod licences;
mod promises;
mod fresh;

/// Fails with every violation, one a line.
fn hold(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{} house rule(s) broken:\n  {}\n",
        violations.len(),
        violations.join("\n  ")
    );
}
