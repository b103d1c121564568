//! Text compared without regard to case, one character at a time.
//!
//! A character of the pattern stands for its lower and its upper case form, which may be longer
//! than it (`ß` is also `SS`). Locale never matters.

/// Text of a pattern that is compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folded {
    characters: Box<[Character]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Character {
    Caseless(char),
    // No form of a character begins or ends with its other form, so at most one of the two
    // fits and no choice has to be taken back.
    Cased { lower: Box<str>, upper: Box<str> },
}

impl Folded {
    pub(crate) fn new(text: &str) -> Folded {
        let character = |character: char| {
            if character.to_lowercase().eq(character.to_uppercase()) {
                return Character::Caseless(character);
            }
            Character::Cased {
                lower: character.to_lowercase().collect(),
                upper: character.to_uppercase().collect(),
            }
        };
        Folded {
            characters: text.chars().map(character).collect(),
        }
    }

    pub(crate) fn equals(&self, text: &str) -> bool {
        self.strip_start(text).is_some_and(str::is_empty)
    }

    pub(crate) fn starts(&self, text: &str) -> bool {
        self.strip_start(text).is_some()
    }

    pub(crate) fn ends(&self, text: &str) -> bool {
        let rest = self
            .characters
            .iter()
            .rev()
            .try_fold(text, |rest, character| match character {
                Character::Caseless(same) => rest.strip_suffix(*same),
                Character::Cased { lower, upper } => rest
                    .strip_suffix(&**lower)
                    .or_else(|| rest.strip_suffix(&**upper)),
            });
        rest.is_some()
    }

    fn strip_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.characters
            .iter()
            .try_fold(text, |rest, character| match character {
                Character::Caseless(same) => rest.strip_prefix(*same),
                Character::Cased { lower, upper } => rest
                    .strip_prefix(&**lower)
                    .or_else(|| rest.strip_prefix(&**upper)),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_all_that_may_differ() {
        for (pattern, text, equals) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "ABC", true),
            ("aBc", "AbC", true),
            ("abc", "ab", false),
            ("abc", "abcd", false),
            ("é", "É", true),
            ("é", "e", false),
            ("straße", "STRASSE", true),
            ("straße", "STRASsE", false),
            ("STRASSE", "straße", false),
            ("İ", "i̇", true),
            ("日本-1", "日本-1", true),
            ("😀x", "😀X", true),
        ] {
            assert_eq!(
                Folded::new(pattern).equals(text),
                equals,
                "{pattern} equals {text}"
            );
        }
    }

    #[test]
    fn either_end_may_go_on() {
        for (pattern, text, starts, ends) in [
            ("", "anything", true, true),
            ("ab", "ABBA", true, false),
            ("ba", "ABBA", false, true),
            ("abba", "ABBA", true, true),
            ("abbax", "ABBA", false, false),
            ("ß", "SSS", true, true),
            ("ⱥ", "xȺ", false, true),
        ] {
            let folded = Folded::new(pattern);
            assert_eq!(folded.starts(text), starts, "{text} starts with {pattern}");
            assert_eq!(folded.ends(text), ends, "{text} ends with {pattern}");
        }
    }

    #[test]
    fn no_form_of_a_character_begins_or_ends_with_the_other() {
        for character in '\0'..=char::MAX {
            let lower: String = character.to_lowercase().collect();
            let upper: String = character.to_uppercase().collect();
            if lower == upper {
                assert_eq!(lower, character.to_string());
                continue;
            }
            assert!(
                !lower.starts_with(&upper) && !upper.starts_with(&lower),
                "{character:?}"
            );
            assert!(
                !lower.ends_with(&upper) && !upper.ends_with(&lower),
                "{character:?}"
            );
        }
    }
}
