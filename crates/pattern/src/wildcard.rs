//! Wildcard text: `*` stands for any run of characters, `\*` and `\\` for themselves.
//!
//! Matching is one pass from left to right; it never goes back further than one literal part.

/// Why a text is no wildcard; positions are in characters, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WildcardFault {
    TwoStars { position: usize },
    Escape { position: usize },
}

/// A wildcard as its literal parts, in order, with a star between each two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard {
    first: Box<str>,
    rest: Box<[Box<str>]>,
}

impl Wildcard {
    pub(crate) fn read(text: &str) -> Result<Wildcard, WildcardFault> {
        let mut parts: Vec<Box<str>> = Vec::new();
        let mut part = String::new();
        let mut characters = text.chars().enumerate().peekable();
        while let Some((position, character)) = characters.next() {
            match character {
                '*' => {
                    if characters.peek().is_some_and(|&(_, next)| next == '*') {
                        return Err(WildcardFault::TwoStars { position });
                    }
                    parts.push(std::mem::take(&mut part).into_boxed_str());
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => part.push(escaped),
                    Some(_) | None => return Err(WildcardFault::Escape { position }),
                },
                plain => part.push(plain),
            }
        }
        parts.push(part.into_boxed_str());
        let mut parts = parts.into_iter();
        Ok(Wildcard {
            first: parts.next().unwrap_or_default(),
            rest: parts.collect(),
        })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((last, middle)) = self.rest.split_last() else {
            return *text == *self.first;
        };
        let Some(text) = text.strip_prefix(&*self.first) else {
            return false;
        };
        let Some(mut text) = text.strip_suffix(&**last) else {
            return false;
        };
        for part in middle {
            let Some(found) = text.find(&**part) else {
                return false;
            };
            text = text.get(found + part.len()..).unwrap_or("");
        }
        true
    }

    /// The literal parts, in order; between each two stands a star.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.first).chain(self.rest.iter().map(|part| &**part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        for (wildcard, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "abb-ab", true),
            ("*ab*ab*", "aab", false),
            ("*ab*b", "ab", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\\\*", "a\\b", true),
            ("*\\**", "a*b", true),
            ("*\\**", "ab", false),
            ("é*日", "é日", true),
            ("*\"", "a\"", true),
        ] {
            assert_eq!(
                Wildcard::read(wildcard).unwrap().matches(text),
                expected,
                "{wildcard} {text}"
            );
        }
    }

    #[test]
    fn two_stars_and_other_escapes_are_refused() {
        for (wildcard, fault) in [
            ("**", WildcardFault::TwoStars { position: 0 }),
            ("é**", WildcardFault::TwoStars { position: 1 }),
            ("\\***", WildcardFault::TwoStars { position: 2 }),
            ("a\\b", WildcardFault::Escape { position: 1 }),
            ("a\\", WildcardFault::Escape { position: 1 }),
        ] {
            assert_eq!(Wildcard::read(wildcard), Err(fault), "{wildcard}");
        }
    }
}
