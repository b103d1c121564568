//! The name that was probably meant.

/// Of the known names the nearest to a given one, if any is near: at most a third of its letters
/// are to be changed, capital letters and small ones are alike, and two swapped letters are one
/// change.
pub fn nearest<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(given);
    // In a name of one or two letters any change makes another name.
    let most = (wanted.chars().count() / 3).min(4);
    known
        .into_iter()
        .filter(|name| *name != given)
        .map(|name| (strsim::osa_distance(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["Resource", "ResultPath", "Retry", "Next", "End"];
        for (given, expected) in [
            ("Resorce", Some("Resource")),
            ("resource", Some("Resource")),
            ("Result_Path", Some("ResultPath")),
            ("Rerty", Some("Retry")),
            ("Nxt", Some("Next")),
            ("Nope", None),
            ("", None),
            ("en", None),
            ("end", Some("End")),
            ("Branches", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }
}
