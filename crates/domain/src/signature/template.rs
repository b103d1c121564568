//! Which bytes are signed: a text with holes in it.
//!
//! ```text
//! {timestamp}.{body}                                    Stripe
//! {url}{body}                                           Square
//! [id:{query:data.id|lower};]ts:{timestamp};            Mercado Pago
//! ```
//!
//! `{body}`, `{timestamp}` as it is written, `{url}` as it is registered, `{header:name}`,
//! `{query:name}` decoded, `|lower` after a name for its lower case. What stands in square
//! brackets is left out when one of its holes is absent or empty; outside of them that is a
//! refusal. `{{`, `}}`, `[[` and `]]` are the characters themselves.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::SignatureRefusal;
use crate::delivery::{HeaderValue, RawDelivery};

/// A parsed template. Its `Display` is what [`Template::parse`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Hole),
    Group(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hole {
    Body,
    Timestamp,
    Url,
    Header { name: String, lower: bool },
    Query { name: String, lower: bool },
}

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A brace or bracket without its other half, or a group in a group.
    #[error("a brace or bracket at byte {0} has no other half here; double it to mean itself")]
    Unbalanced(usize),
    /// A hole that is none of the known ones.
    #[error(
        "the hole at byte {0} is none of {{body}}, {{timestamp}}, {{url}}, {{header:NAME}} and \
         {{query:NAME}}"
    )]
    UnknownHole(usize),
    /// Nothing of the body is signed, or nothing at all.
    #[error("the body is not signed; a template holds {{body}} once, and in no brackets")]
    NoBody,
}

/// What the holes of a template are filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling<'a> {
    pub(crate) delivery: &'a RawDelivery,
    pub(crate) timestamp: Option<&'a str>,
    pub(crate) url: Option<&'a str>,
    /// The bytes to take for the body; a diagnosis tries others than those that arrived.
    pub(crate) body: &'a [u8],
}

impl Template {
    /// The exact body and nothing else.
    pub fn body() -> Self {
        Self(alloc::vec![Part::Hole(Hole::Body)])
    }

    /// Reads a template that signs the body.
    ///
    /// # Errors
    /// See [`InvalidTemplate`].
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        let template = Self::parse_any(text)?;
        let bodies = template.holes().filter(|hole| **hole == Hole::Body).count();
        if bodies == 1 && template.covers_body() {
            Ok(template)
        } else {
            Err(InvalidTemplate::NoBody)
        }
    }

    /// Reads a template that may sign something else than the body: what it proves is less.
    ///
    /// # Errors
    /// See [`InvalidTemplate`], but for [`InvalidTemplate::NoBody`].
    pub fn parse_any(text: &str) -> Result<Self, InvalidTemplate> {
        let mut reader = Reader {
            text,
            at: 0,
            in_group: false,
        };
        let parts = reader.parts()?;
        Ok(Self(parts))
    }

    /// Whether the exact body is among what is signed, whatever else is absent.
    pub fn covers_body(&self) -> bool {
        self.always_holds(&Hole::Body)
    }

    /// Whether a signed time is among it, whatever else is absent.
    pub fn covers_timestamp(&self) -> bool {
        self.always_holds(&Hole::Timestamp)
    }

    /// A group is left out when a hole in it is absent, and the sender decides what is absent.
    fn always_holds(&self, hole: &Hole) -> bool {
        let mut parts = self.0.iter();
        parts.any(|part| matches!(part, Part::Hole(found) if found == hole))
    }

    /// Whether the registered URL is among it.
    pub fn needs_url(&self) -> bool {
        self.holes().any(|hole| *hole == Hole::Url)
    }

    /// The headers that are among it, lower case.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.holes().filter_map(|hole| match hole {
            Hole::Header { name, .. } => Some(name.as_str()),
            Hole::Body | Hole::Timestamp | Hole::Url | Hole::Query { .. } => None,
        })
    }

    /// The parameters of the query that are among it.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.holes().filter_map(|hole| match hole {
            Hole::Query { name, .. } => Some(name.as_str()),
            Hole::Body | Hole::Timestamp | Hole::Url | Hole::Header { .. } => None,
        })
    }

    /// The signed bytes, piece by piece.
    pub(crate) fn fill<'a>(
        &'a self,
        filling: &Filling<'a>,
    ) -> Result<Vec<Cow<'a, [u8]>>, SignatureRefusal> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            match part {
                Part::Text(text) => pieces.push(Cow::Borrowed(text.as_bytes())),
                Part::Hole(hole) => pieces.push(hole.value(filling)?),
                Part::Group(group) => fill_group(group, filling, &mut pieces)?,
            }
        }
        Ok(pieces)
    }

    fn holes(&self) -> impl Iterator<Item = &Hole> {
        let inner = self.0.iter().flat_map(|part| match part {
            Part::Group(group) => group.as_slice(),
            Part::Text(_) | Part::Hole(_) => core::slice::from_ref(part),
        });
        inner.filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) | Part::Group(_) => None,
        })
    }
}

fn fill_group<'a>(
    group: &'a [Part],
    filling: &Filling<'a>,
    pieces: &mut Vec<Cow<'a, [u8]>>,
) -> Result<(), SignatureRefusal> {
    let before = pieces.len();
    for part in group {
        match part {
            Part::Text(text) => pieces.push(Cow::Borrowed(text.as_bytes())),
            Part::Hole(hole) => match hole.value(filling) {
                Ok(value) => pieces.push(value),
                Err(SignatureRefusal::SignedPartMissing) => {
                    pieces.truncate(before);
                    return Ok(());
                }
                Err(refusal) => return Err(refusal),
            },
            // The reader makes no groups in groups.
            Part::Group(_) => {}
        }
    }
    Ok(())
}

impl Hole {
    fn value<'a>(&self, filling: &Filling<'a>) -> Result<Cow<'a, [u8]>, SignatureRefusal> {
        let missing = SignatureRefusal::SignedPartMissing;
        match self {
            Self::Body => Ok(Cow::Borrowed(filling.body)),
            Self::Timestamp => filling
                .timestamp
                .map(|text| Cow::Borrowed(text.as_bytes()))
                .ok_or(SignatureRefusal::TimestampMalformed),
            Self::Url => filling
                .url
                .map(|text| Cow::Borrowed(text.as_bytes()))
                .ok_or(missing),
            Self::Header { name, lower } => match filling.delivery.headers.one(name) {
                HeaderValue::Missing => Err(missing),
                HeaderValue::Repeated => Err(SignatureRefusal::HeaderRepeated),
                HeaderValue::Once(value) if *lower => Ok(Cow::Owned(value.to_ascii_lowercase())),
                HeaderValue::Once(value) => Ok(Cow::Borrowed(value)),
            },
            Self::Query { name, lower } => {
                let value = filling
                    .delivery
                    .query_value(name)
                    .filter(|value| !value.is_empty())
                    .ok_or(missing)?;
                Ok(Cow::Owned(if *lower {
                    value.to_ascii_lowercase()
                } else {
                    value
                }))
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    in_group: bool,
}

impl Reader<'_> {
    fn parts(&mut self) -> Result<Vec<Part>, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let flush = |text: &mut String, parts: &mut Vec<Part>| {
            if !text.is_empty() {
                parts.push(Part::Text(core::mem::take(text)));
            }
        };
        while let Some(character) = self.peek() {
            let start = self.at;
            if "{}[]".contains(character) && self.rest().chars().nth(1) == Some(character) {
                self.at = self.at.saturating_add(2);
                text.push(character);
                continue;
            }
            self.at = self.at.saturating_add(character.len_utf8());
            match character {
                '{' => {
                    flush(&mut text, &mut parts);
                    parts.push(Part::Hole(self.hole(start)?));
                }
                '[' if !self.in_group => {
                    flush(&mut text, &mut parts);
                    self.in_group = true;
                    parts.push(Part::Group(self.parts()?));
                    if self.in_group {
                        return Err(InvalidTemplate::Unbalanced(start));
                    }
                }
                ']' if self.in_group => {
                    self.in_group = false;
                    flush(&mut text, &mut parts);
                    return Ok(parts);
                }
                '}' | '[' | ']' => return Err(InvalidTemplate::Unbalanced(start)),
                other => text.push(other),
            }
        }
        flush(&mut text, &mut parts);
        Ok(parts)
    }

    fn hole(&mut self, start: usize) -> Result<Hole, InvalidTemplate> {
        let unbalanced = InvalidTemplate::Unbalanced(start);
        let end = self.rest().find('}').ok_or(unbalanced)?;
        let inner = self.rest().get(..end).ok_or(unbalanced)?.to_owned();
        self.at = self.at.saturating_add(end).saturating_add(1);
        let unknown = InvalidTemplate::UnknownHole(start);
        let (word, lower) = match inner.strip_suffix("|lower") {
            Some(word) => (word, true),
            None => (inner.as_str(), false),
        };
        match (word.split_once(':'), lower) {
            (None, false) => match word {
                "body" => Ok(Hole::Body),
                "timestamp" => Ok(Hole::Timestamp),
                "url" => Ok(Hole::Url),
                _ => Err(unknown),
            },
            (Some(("header", name)), lower) if is_name(name) => Ok(Hole::Header {
                name: name.to_ascii_lowercase(),
                lower,
            }),
            (Some(("query", name)), lower) if is_name(name) => Ok(Hole::Query {
                name: name.to_owned(),
                lower,
            }),
            (Some(_) | None, _) => Err(unknown),
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
}

/// Names of headers and parameters: visible ASCII without what means something here.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"{}[]|:".contains(&byte))
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|part| write!(formatter, "{part}"))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.chars().try_for_each(|character| {
                if "{}[]".contains(character) {
                    write!(formatter, "{character}")?;
                }
                write!(formatter, "{character}")
            }),
            Self::Hole(hole) => write!(formatter, "{hole}"),
            Self::Group(parts) => {
                let inner: String = parts.iter().map(ToString::to_string).collect();
                write!(formatter, "[{inner}]")
            }
        }
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, lower) = match self {
            Self::Body => return formatter.write_str("{body}"),
            Self::Timestamp => return formatter.write_str("{timestamp}"),
            Self::Url => return formatter.write_str("{url}"),
            Self::Header { name, lower } => ("header", name, lower),
            Self::Query { name, lower } => ("query", name, lower),
        };
        let lower = if *lower { "|lower" } else { "" };
        write!(formatter, "{{{kind}:{name}{lower}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn delivery() -> RawDelivery {
        RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new([
                ("x-id", Bytes::from_static(b"ID")),
                (":query", Bytes::from_static(b"data.id=Ab%2F1&empty=&b=2")),
            ]),
            body: Bytes::from_static(b"{}"),
            received_at: Timestamp::from_millis(0),
        }
    }

    fn filled(text: &str) -> Result<String, SignatureRefusal> {
        let (template, delivery) = (Template::parse_any(text).unwrap(), delivery());
        let pieces = template.fill(&Filling {
            delivery: &delivery,
            timestamp: Some("12"),
            url: Some("https://a/b"),
            body: &delivery.body,
        })?;
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    #[test]
    fn holes_are_filled_and_groups_left_out_when_one_is_empty() {
        for (text, expected) in [
            ("{body}", "{}"),
            ("{timestamp}.{body}", "12.{}"),
            ("{url}{body}", "https://a/b{}"),
            ("v0:{header:X-Id}:{body}", "v0:ID:{}"),
            ("{header:x-id|lower}", "id"),
            ("{query:data.id}", "Ab/1"),
            ("{query:data.id|lower}", "ab/1"),
            (
                "[id:{query:data.id};][r:{header:none};]ts:{timestamp};",
                "id:Ab/1;ts:12;",
            ),
            ("[x{query:empty}y]z", "z"),
            ("{{{body}}}[[]]", "{{}}[]"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
        let missing = Err(SignatureRefusal::SignedPartMissing);
        assert_eq!(filled("{header:none}"), missing);
        assert_eq!(filled("{query:empty}"), missing);
    }

    #[test]
    fn what_is_no_template_is_refused_where_it_goes_wrong() {
        use InvalidTemplate::{NoBody, Unbalanced, UnknownHole};
        for (text, reason) in [
            ("{body", Unbalanced(0)),
            ("a}", Unbalanced(1)),
            ("[{body}", Unbalanced(0)),
            ("[a[{body}]]", Unbalanced(2)),
            ("a]", Unbalanced(1)),
            ("{bdoy}", UnknownHole(0)),
            ("{header:}", UnknownHole(0)),
            ("{header:a b}", UnknownHole(0)),
            ("{body|lower}", UnknownHole(0)),
            ("{timestamp}", NoBody),
            ("", NoBody),
            ("{body}{body}", NoBody),
            ("{timestamp}[{header:a}{body}]", NoBody),
        ] {
            assert_eq!(Template::parse(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Template::parse_any(&text);
        }

        #[test]
        fn what_is_printed_reads_back(text in "([a-z:;.{}\\[\\]]|\\{body\\}|\\{timestamp\\}|\\{header:[a-z-]{1,5}\\}|\\[a\\{query:[a-z.]{1,4}\\|lower\\}\\]){0,12}") {
            if let Ok(template) = Template::parse_any(&text) {
                prop_assert_eq!(Template::parse_any(&template.to_string()), Ok(template));
            }
        }

        #[test]
        fn text_around_a_body_is_signed_as_it_stands(before in "[^{}\\[\\]]{0,9}", after in "[^{}\\[\\]]{0,9}") {
            let found = filled(&alloc::format!("{before}{{body}}{after}")).unwrap();
            prop_assert_eq!(found, alloc::format!("{before}{{}}{after}"));
        }
    }
}
