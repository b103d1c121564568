//! The place of a field: keys joined by dots. A key that holds dots itself is the same place, so
//! `{"a": {"b": 1}}` and `{"a.b": 1}` both have the field `a.b`.

/// A place in an event, with the positions where it may be cut into keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    text: Box<str>,
    dots: Box<[usize]>,
}

impl Path {
    pub(crate) fn new(text: &str) -> Path {
        Path {
            text: text.into(),
            dots: text.match_indices('.').map(|(dot, _)| dot).collect(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Every key with which the way from `start` may go on, and where the rest begins after it;
    /// `None` for the key that ends the path.
    pub(crate) fn keys(&self, start: usize) -> impl Iterator<Item = (&str, Option<usize>)> {
        let inner = self
            .dots
            .iter()
            .filter(move |&&dot| dot >= start)
            .filter_map(move |&dot| self.text.get(start..dot).map(|key| (key, Some(dot + 1))));
        inner.chain(self.text.get(start..).map(|key| (key, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_be_cut_at_every_dot() {
        let keys = |text: &str, start| -> Vec<(String, Option<usize>)> {
            Path::new(text)
                .keys(start)
                .map(|(key, rest)| (key.to_owned(), rest))
                .collect()
        };
        assert_eq!(keys("a", 0), [("a".to_owned(), None)]);
        assert_eq!(
            keys("a.b.c", 0),
            [
                ("a".to_owned(), Some(2)),
                ("a.b".to_owned(), Some(4)),
                ("a.b.c".to_owned(), None)
            ]
        );
        assert_eq!(
            keys("a.b.c", 2),
            [("b".to_owned(), Some(4)), ("b.c".to_owned(), None)]
        );
        assert_eq!(keys("a.", 2), [(String::new(), None)]);
        assert_eq!(keys("", 0), [(String::new(), None)]);
    }
}
