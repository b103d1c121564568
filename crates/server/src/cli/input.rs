//! What a verb is given to read: a file, standard input, or the thing itself.
//!
//! Bounded: a verb that is handed a disk image says so instead of reading it.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// Longest input, in bytes: far above any webhook, event or definition that is accepted.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The exact bytes of the file at `path`, or of standard input where it is `-`.
pub(super) fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = INPUT_BYTES_MAX + 1;
    if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    ensure!(
        length <= INPUT_BYTES_MAX,
        "{} is longer than {INPUT_BYTES_MAX} bytes",
        path.display()
    );
    Ok(bytes)
}

/// The text that `given` names: itself where it begins as JSON does, the text of a file or of
/// standard input (`-`) otherwise.
pub(super) fn json_text(given: &str) -> anyhow::Result<String> {
    if given.trim_start().starts_with(['{', '[', '"']) {
        return Ok(given.to_owned());
    }
    text(Path::new(given)).with_context(|| {
        format!("{given:?} is taken as a file; JSON given directly begins with '{{' or '['")
    })
}

/// The text of the file at `path`, or of standard input where it is `-`.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(bytes(path)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

pub(super) use crate::desk::time;

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;

    use super::*;

    #[test]
    fn a_time_has_its_zone_or_is_in_milliseconds() {
        for (text, millis) in [
            ("0", Some(0)),
            ("1795418923007", Some(1_795_418_923_007)),
            ("2026-11-23T07:28:43.007Z", Some(1_795_418_923_007)),
            ("2026-11-23T08:28:43.007+01:00", Some(1_795_418_923_007)),
            ("2026-11-23T08:28:43", None),
            ("yesterday", None),
        ] {
            let read = time(text).ok().map(Timestamp::as_millis);
            assert_eq!(read, millis, "{text}");
        }
    }

    #[test]
    fn json_is_taken_as_it_stands_and_anything_else_as_a_file() {
        assert_eq!(json_text(" {\"a\":1}").unwrap(), " {\"a\":1}");
        let error = format!("{:#}", json_text("no-such-file.json").unwrap_err());
        assert!(error.contains("is taken as a file"), "{error}");
    }
}
