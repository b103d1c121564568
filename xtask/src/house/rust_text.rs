//! Just enough of Rust's grammar to judge a source file: comments and literals told from code,
//! and functions with their attributes, modules and bodies.
//!
//! Macros are not expanded: what a macro writes is judged where it is written.

/// What kind of text a byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Comment,
    Literal,
}

/// The text with every byte that is not of `kind` blanked; lines stay where they are.
pub(super) fn only(text: &str, kind: Kind) -> String {
    let kinds = kinds(text.as_bytes());
    let keep = |(at, byte): (usize, &u8)| match *byte {
        b'\n' => b'\n',
        byte if kinds[at] == kind => byte,
        _ => b' ',
    };
    let bytes = text.as_bytes().iter().enumerate().map(keep).collect();
    String::from_utf8(bytes).expect("a kind ends where a character ends")
}

/// The number of the line on which the byte `at` stands.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

fn kinds(text: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let (kind, length) = token(text, at);
        let end = text.len().min(at + length);
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

/// Kind and length of what begins at `at`; a word counts as one token.
fn token(text: &[u8], at: usize) -> (Kind, usize) {
    let rest = &text[at..];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    match rest {
        [b'/', b'/', ..] => (Kind::Comment, until(rest, |tail| tail[0] == b'\n')),
        [b'/', b'*', ..] => (Kind::Comment, block_comment(rest)),
        [b'"', ..] => (Kind::Literal, quoted(rest, b'"')),
        [b'\'', ..] => char_or_lifetime(rest),
        [first, ..] if is_word(first) => {
            let word = until(rest, |tail| !is_word(&tail[0]));
            match (&rest[..word], &rest[word..]) {
                (b"r" | b"br" | b"cr", [b'"' | b'#', ..]) => raw_string(rest, word),
                (b"b" | b"c", [b'"', ..]) => (Kind::Literal, word + quoted(&rest[word..], b'"')),
                (b"b", [b'\'', ..]) => (Kind::Literal, word + quoted(&rest[word..], b'\'')),
                _ => (Kind::Code, word),
            }
        }
        _ => (Kind::Code, 1),
    }
}

fn until(rest: &[u8], end: impl Fn(&[u8]) -> bool) -> usize {
    (0..rest.len())
        .find(|&at| end(&rest[at..]))
        .unwrap_or(rest.len())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_u32, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn char_or_lifetime(rest: &[u8]) -> (Kind, usize) {
    let text = String::from_utf8_lossy(&rest[..rest.len().min(8)]);
    let mut characters = text.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => (Kind::Literal, quoted(rest, b'\'')),
        (Some(character), Some('\'')) => (Kind::Literal, 2 + character.len_utf8()),
        _ => (Kind::Code, 1),
    }
}

fn raw_string(rest: &[u8], word: usize) -> (Kind, usize) {
    let hashes = until(&rest[word..], |tail| tail[0] != b'#');
    if rest.get(word + hashes) != Some(&b'"') {
        return (Kind::Code, word); // a raw identifier
    }
    let open = word + hashes + 1;
    let is_end = |tail: &[u8]| {
        tail[0] == b'"' && tail[1..].iter().take_while(|&&byte| byte == b'#').count() >= hashes
    };
    (
        Kind::Literal,
        open + until(&rest[open..], is_end) + 1 + hashes,
    )
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// The modules inside the file around it.
    pub(super) modules: Vec<String>,
    /// Whether an attribute makes it a test: `#[test]`, `#[tokio::test]` and the like.
    pub(super) is_test: bool,
    /// The line on which `fn` stands.
    pub(super) line: usize,
    /// Lines of its body that are neither blank nor only comment, as clippy counts them.
    pub(super) code_lines: usize,
}

/// Every function with a body in `text`.
pub(super) fn functions(text: &str) -> Vec<Function> {
    let code = only(text, Kind::Code);
    let literals = only(text, Kind::Literal);
    let mut found = Vec::new();
    let mut modules: Vec<(String, usize)> = Vec::new();
    let mut attributes_from = 0;
    let (mut line, mut line_at) = (1, 0);
    for (at, word) in words(&code).filter(|(_, word)| matches!(*word, "fn" | "mod")) {
        line += line_of(&code[line_at..at], at - line_at) - 1;
        line_at = at;
        modules.retain(|&(_, end)| at < end);
        let Some((name_at, name)) = words(&code[at + word.len()..]).next() else {
            continue;
        };
        let after = at + word.len() + name_at + name.len();
        if !code[at + word.len()..][..name_at].trim().is_empty() {
            continue; // `fn(..)` the type, or `fn $name` in a macro
        }
        let Some((open, close)) = body(&code, after) else {
            continue;
        };
        if word == "mod" {
            modules.push((name.to_owned(), close));
            attributes_from = open;
            continue;
        }
        found.push(Function {
            name: name.to_owned(),
            modules: modules.iter().map(|(name, _)| name.clone()).collect(),
            is_test: has_test_attribute(&code[attributes_from.min(at)..at]),
            line,
            code_lines: code_lines(&code[open + 1..close], &literals[open + 1..close]),
        });
        attributes_from = open;
    }
    found
}

/// How many lines have code or part of a literal.
fn code_lines(code: &str, literals: &str) -> usize {
    let is_blank = |line: &str| line.trim().is_empty();
    let lines = code.lines().zip(literals.lines());
    lines
        .filter(|(code, literal)| !is_blank(code) || !is_blank(literal))
        .count()
}

/// The places of the braces around the body of what is declared before `from`.
fn body(code: &str, from: usize) -> Option<(usize, usize)> {
    let mut depth = 0_i32;
    let mut open = None;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match (byte, open) {
            (b'(' | b'[', None) => depth += 1,
            (b')' | b']', None) => depth -= 1,
            (b';', None) if depth == 0 => return None,
            (b'{', None) if depth == 0 => (open, depth) = (Some(at), 1),
            (b'{', Some(_)) => depth += 1,
            (b'}', Some(start)) if depth == 1 => return Some((start, at)),
            (b'}', Some(_)) => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether the attributes at the end of `before` (after the last item or statement) say test.
fn has_test_attribute(before: &str) -> bool {
    let start = before.rfind([';', '}', '{']).map_or(0, |at| at + 1);
    before[start..].split("#[").skip(1).any(|attribute| {
        let path = attribute.split(['(', ']']).next().unwrap_or_default();
        path.trim().rsplit("::").next() == Some("test")
    })
}

/// Every word of `code` with the place where it begins.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.split(move |character| !is_word(character))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - code.as_ptr().addr(), word))
}

/// The bytes that belong to `#[cfg(test)] mod … { … }` blocks, as ranges.
pub(super) fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let mark = "#[cfg(test)]";
    let block = |(at, _): (usize, &str)| {
        let after = at + mark.len();
        let is_module = words(&code[after..])
            .next()
            .is_some_and(|(_, word)| word == "mod");
        if is_module { body(code, after) } else { None }
    };
    code.match_indices(mark).filter_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_told_from_code() {
        let text = concat!(
            "a(\"in // \\\" it\"); /* b /* c */ d */ e('\"', b'x', '\\'', 'é') // f\n",
            "g::<'h>(r#\"i \" j\"#, br\"k\", c\"l\", r#type, bar\"m\")"
        );
        let kept = |kind| {
            only(text, kind)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            kept(Kind::Code),
            "a( ); e( , , , ) g::<'h>( , , , r#type, bar )"
        );
        assert_eq!(kept(Kind::Comment), "/* b /* c */ d */ // f");
        assert_eq!(
            kept(Kind::Literal),
            "\"in // \\\" it\" '\"' b'x' '\\'' 'é' r#\"i \" j\"# br\"k\" c\"l\" \"m\""
        );
        assert_eq!(only("x // é ü\ny", Kind::Code).lines().nth(1), Some("y"));
    }

    #[test]
    fn functions_are_found_with_what_stands_around_them() {
        let text = r##"
//! fn not_this() {}
pub fn first(pair: [u8; 2], call: fn(u8) -> u8) -> u8 { call(pair[0]) }
trait Port { fn no_body(&self); fn with_body(&self) { } }
mod inner {
    #[test]
    fn proves() {
        // only a comment

        let text = "}";
        assert!(text == "}");
    }
    mod deeper { #[tokio::test(start_paused = true)] async fn waits() {} }
}
#[cfg(test)]
fn helper() {}
"##;
        let found: Vec<_> = functions(text)
            .into_iter()
            .map(|f| {
                (
                    f.name,
                    f.modules.join("::"),
                    f.is_test,
                    f.line,
                    f.code_lines,
                )
            })
            .collect();
        let expected = [
            ("first", "", false, 3, 1),
            ("with_body", "", false, 4, 0),
            ("proves", "inner", true, 7, 2),
            ("waits", "inner::deeper", true, 13, 0),
            ("helper", "", false, 16, 0),
        ];
        let expected = expected.map(|(n, m, t, l, c)| (n.to_owned(), m.to_owned(), t, l, c));
        assert_eq!(found, expected);
    }

    #[test]
    fn test_modules_are_found() {
        let code = "fn a() {} #[cfg(test)] mod tests { fn b() {} } #[cfg(test)] fn c() {}";
        let found: Vec<_> = test_modules(code)
            .iter()
            .map(|&(a, b)| &code[a..=b])
            .collect();
        assert_eq!(found, ["{ fn b() {} }"]);
    }
}
