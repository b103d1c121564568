//! Looking into JSON without a tree of it, and without a float: numbers are the texts they are.
//!
//! An [`Object`] knows its members as raw text and reads one only when it is asked for. A member
//! that stands twice makes its object unreadable: which of the two a sender meant is not for a
//! parser to choose.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A JSON object, its values still raw.
#[derive(Debug, Clone)]
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, _>()? {
                    members.push((name, value));
                }
                // Many names are compared after sorting, so that no body costs their square.
                let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
                names.sort_unstable();
                if names.windows(2).any(|pair| pair.first() == pair.last()) {
                    return Err(A::Error::custom("a member stands twice"));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> Object<'a> {
    /// Reads a whole text that is one object; `None` when it is not.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        // JSON is UTF-8 (RFC 8259, section 8.1), in the members that nobody reads too.
        serde_json::from_str(core::str::from_utf8(text).ok()?).ok()
    }

    /// A member as it is written; `None` when it is absent or null.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(each, _)| each == name)?;
        Some(value.get()).filter(|text| *text != "null")
    }

    /// A member that is an object.
    pub fn object(&self, name: &str) -> Option<Object<'a>> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// The object at the end of a path of members.
    pub fn object_at(&self, path: &[&str]) -> Option<Object<'a>> {
        let (first, rest) = path.split_first()?;
        let mut object = self.object(first)?;
        for name in rest {
            object = object.object(name)?;
        }
        Some(object)
    }

    /// A member that is a text and not empty.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let text = self.raw(name).filter(|text| text.starts_with('"'))?;
        let Name(text) = serde_json::from_str(text).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// A member that is a text, a number or a truth value, as a text. Numbers keep their digits.
    pub fn scalar(&self, name: &str) -> Option<Cow<'a, str>> {
        match self.raw(name)? {
            raw if raw.starts_with('"') => self.text(name),
            raw if raw.starts_with(['{', '[']) => None,
            raw => Some(Cow::Borrowed(raw)),
        }
    }

    /// A member that is a truth value.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The objects of a member that is a list; what else is in it is left out.
    pub fn objects(&self, name: &str) -> Vec<Object<'a>> {
        let items: Option<Vec<&'a RawValue>> = self
            .raw(name)
            .and_then(|text| serde_json::from_str(text).ok());
        items
            .into_iter()
            .flatten()
            .filter_map(|item| serde_json::from_str(item.get()).ok())
            .collect()
    }

    /// Whether the member is a list with something in it, all of which [`Object::objects`] reads:
    /// an item is lost that is no object, or one with a member that stands there twice.
    pub fn is_list_of_objects(&self, name: &str) -> bool {
        let items: Option<Vec<&RawValue>> = self
            .raw(name)
            .and_then(|text| serde_json::from_str(text).ok());
        items.is_some_and(|items| !items.is_empty() && items.len() == self.objects(name).len())
    }

    /// The names of all members, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_found_as_what_they_are_and_numbers_keep_their_digits() {
        let text =
            br#"{"a":{"b":{"c":"x\u00e9"}},"n":1.10,"t":true,"z":null,"e":"","l":[{"i":1},2]}"#;
        let object = Object::parse(text).unwrap();
        let inner = object.object_at(&["a", "b"]).unwrap();
        assert_eq!(inner.text("c").as_deref(), Some("x\u{e9}"));
        assert_eq!(object.scalar("n").as_deref(), Some("1.10"));
        assert_eq!(object.text("n"), None);
        assert_eq!(object.flag("t"), Some(true));
        assert_eq!(object.scalar("t").as_deref(), Some("true"));
        assert_eq!((object.raw("z"), object.text("e")), (None, None));
        assert_eq!(object.objects("l").len(), 1);
        assert!(!object.is_list_of_objects("l"));
        for (list, is_whole) in [
            ("[]", false),
            ("{}", false),
            (r#"[{"i":1},{"i":2}]"#, true),
            (r#"[{"i":1},{"i":2,"i":3}]"#, false),
        ] {
            let text = alloc::format!(r#"{{"l":{list}}}"#);
            let object = Object::parse(text.as_bytes()).unwrap();
            assert_eq!(object.is_list_of_objects("l"), is_whole, "{list}");
        }
        assert!(object.object_at(&["a", "x"]).is_none());
    }

    #[test]
    fn what_is_no_object_or_says_something_twice_is_none() {
        for text in [
            "",
            "[]",
            "1",
            "{",
            "{} x",
            r#"{"a":1,"a":1}"#,
            "{\"a\":\"\\u0061\",\"\\u0061\":1}",
        ] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..99)) {
            let _ = Object::parse(&text);
        }
    }
}
