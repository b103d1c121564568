//! Reads one value of a field's list: a plain value, or an object with one operator.

use crate::document::{Document, Member};
use crate::error::Problem;
use crate::fold::Folded;
use crate::network::{Network, NetworkFault, address};
use crate::number::comparable;
use crate::value::{Affix, End, Excluded, Number, Range, Value};
use crate::wildcard::{Wildcard, WildcardFault};

/// What went wrong below some place of a pattern. `below` is the rest of the way to it, as
/// `.anything-but[2]`.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) below: String,
    pub(crate) problem: Problem,
    pub(crate) suggestion: Option<String>,
}

pub(crate) type Read<T> = Result<T, Fault>;

impl Fault {
    pub(crate) fn new(problem: Problem) -> Fault {
        Fault {
            below: String::new(),
            problem,
            suggestion: None,
        }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Fault {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub(crate) fn under(mut self, step: &str) -> Fault {
        self.below.insert_str(0, step);
        self
    }
}

const PREFIX: &str = "prefix";
const SUFFIX: &str = "suffix";
const EQUALS_IGNORE_CASE: &str = "equals-ignore-case";
const WILDCARD: &str = "wildcard";
const ANYTHING_BUT: &str = "anything-but";
const NUMERIC: &str = "numeric";
const EXISTS: &str = "exists";
const CIDR: &str = "cidr";
const EXACTLY: &str = "exactly";

/// Every operator, for suggestions and for the names reserved within `$or`.
pub(crate) const OPERATORS: [&str; 9] = [
    PREFIX,
    SUFFIX,
    EQUALS_IGNORE_CASE,
    WILDCARD,
    ANYTHING_BUT,
    NUMERIC,
    EXISTS,
    CIDR,
    EXACTLY,
];

/// Reads one element of a field's list.
pub(crate) fn value(document: &Document<'_>) -> Read<Value> {
    match document {
        Document::Null => Ok(Value::Null),
        Document::Bool(value) => Ok(Value::Bool(*value)),
        Document::Number(text) => Ok(Value::Number(Number::new(text))),
        Document::Text(text) => {
            Ok(address(text).map_or_else(|| Value::Text((&**text).into()), Value::Address))
        }
        Document::Object(members) => operator(members),
        Document::Array(_) => Err(Fault::new(Problem::NotAValue)),
    }
}

fn operator(members: &[Member<'_>]) -> Read<Value> {
    let (name, operand) = only_member(members)?;
    let read = match name {
        PREFIX => affix(PREFIX, operand).map(Value::Prefix),
        SUFFIX => affix(SUFFIX, operand).map(Value::Suffix),
        EQUALS_IGNORE_CASE => {
            text(EQUALS_IGNORE_CASE, operand).map(|text| Value::EqualsIgnoreCase(Folded::new(text)))
        }
        WILDCARD => wildcard(operand).map(Value::Wildcard),
        ANYTHING_BUT => anything_but(operand).map(Value::AnythingBut),
        NUMERIC => numeric(operand),
        EXISTS => exists(operand),
        CIDR => text(CIDR, operand).and_then(cidr).map(Value::Cidr),
        EXACTLY => text(EXACTLY, operand).map(|text| Value::Text(text.into())),
        unknown => return Err(unknown_operator(unknown, &OPERATORS)),
    };
    read.map_err(|fault| fault.under(&format!(".{name}")))
}

fn exists(operand: &Document<'_>) -> Read<Value> {
    if let Document::Bool(wanted) = operand {
        Ok(if *wanted {
            Value::Exists
        } else {
            Value::Absent
        })
    } else {
        Err(wrong_operand(EXISTS, "true or false"))
    }
}

fn only_member<'a>(members: &'a [Member<'_>]) -> Read<(&'a str, &'a Document<'a>)> {
    match members {
        [] => Err(Fault::new(Problem::NoOperator)),
        [(name, operand)] => Ok((name, operand)),
        [_, (second, _), ..] => Err(Fault::new(Problem::SecondOperator(second.to_string()))
            .suggest("write one object for each operator; any one of them then matches")),
    }
}

fn unknown_operator(name: &str, known: &[&str]) -> Fault {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let near = known
        .iter()
        .map(|known| (edits(&plain(known), &plain(name)), known))
        .min_by_key(|&(edits, _)| edits)
        .filter(|&(edits, _)| edits <= 2);
    let fault = Fault::new(Problem::UnknownOperator(name.to_owned()));
    match near {
        Some((_, known)) => fault.suggest(format!("did you mean `{known}`?")),
        None => fault.suggest(format!("known here: {}", known.join(", "))),
    }
}

/// Edit distance, of short names only; anything long is far from every operator.
fn edits(known: &str, name: &str) -> usize {
    if name.len() > 40 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (above, expected) in known.bytes().enumerate() {
        let mut diagonal = row.first().copied().unwrap_or(0);
        if let Some(first) = row.first_mut() {
            *first = above + 1;
        }
        let mut left = above + 1;
        for (cell, found) in row.iter_mut().skip(1).zip(name.bytes()) {
            let substituted = diagonal + usize::from(expected != found);
            diagonal = *cell;
            left = substituted.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn wrong_operand(operator: &'static str, takes: &'static str) -> Fault {
    Fault::new(Problem::WrongOperand { operator, takes })
}

fn text<'a>(operator: &'static str, operand: &'a Document<'_>) -> Read<&'a str> {
    if let Document::Text(text) = operand {
        return Ok(text);
    }
    let fault = wrong_operand(operator, "one string");
    let is_list = matches!(operand, Document::Array(_));
    Err(if is_list {
        fault.suggest("write one operator object for each string")
    } else {
        fault
    })
}

/// A string, or `{"equals-ignore-case": "…"}`.
fn affix(operator: &'static str, operand: &Document<'_>) -> Read<Affix> {
    let Document::Object(members) = operand else {
        return text(operator, operand).map(|text| Affix::Exact(text.into()));
    };
    let (name, operand) = only_member(members)?;
    if name != EQUALS_IGNORE_CASE {
        return Err(unknown_operator(name, &[EQUALS_IGNORE_CASE]));
    }
    text(EQUALS_IGNORE_CASE, operand)
        .map(|text| Affix::IgnoreCase(Folded::new(text)))
        .map_err(|fault| fault.under(".equals-ignore-case"))
}

fn wildcard(operand: &Document<'_>) -> Read<Wildcard> {
    Wildcard::read(text(WILDCARD, operand)?).map_err(|fault| match fault {
        WildcardFault::TwoStars { position } => {
            Fault::new(Problem::ConsecutiveWildcards(position)).suggest("one `*` is enough")
        }
        WildcardFault::Escape { position } => Fault::new(Problem::WildcardEscape(position))
            .suggest("write `\\\\` for a backslash (`\\\\\\\\` within JSON)"),
    })
}

fn cidr(text: &str) -> Read<Network> {
    Network::read(text).map_err(|fault| {
        let malformed = Fault::new(Problem::MalformedCidr(text.to_owned()));
        match fault {
            NetworkFault::NoSlash if address(text).is_some() => {
                malformed.suggest("match one address by writing it as a plain string")
            }
            NetworkFault::NoSlash | NetworkFault::Address | NetworkFault::Mask => {
                malformed.suggest("write an address, a slash and the bits: `10.0.0.0/24`")
            }
            NetworkFault::MaskTooLong { bits_max } => Fault::new(Problem::CidrMask { bits_max })
                .suggest("match one address by writing it as a plain string"),
        }
    })
}

fn anything_but(operand: &Document<'_>) -> Read<Excluded> {
    let Document::Object(members) = operand else {
        return excluded_values(operand);
    };
    let (name, operand) = only_member(members)?;
    let read = match name {
        PREFIX => excluded_texts(PREFIX, operand, |text| Ok(text.into())).map(Excluded::Prefixes),
        SUFFIX => excluded_texts(SUFFIX, operand, |text| Ok(text.into())).map(Excluded::Suffixes),
        EQUALS_IGNORE_CASE => {
            excluded_texts(EQUALS_IGNORE_CASE, operand, |text| Ok(Folded::new(text)))
                .map(Excluded::EqualsIgnoreCase)
        }
        WILDCARD => excluded_texts(WILDCARD, operand, |text| {
            wildcard(&Document::Text(text.into()))
        })
        .map(Excluded::Wildcards),
        unknown => {
            let known = [PREFIX, SUFFIX, EQUALS_IGNORE_CASE, WILDCARD];
            return Err(unknown_operator(unknown, &known));
        }
    };
    read.map_err(|fault| fault.under(&format!(".{name}")))
}

/// One item or a list of them, each with the step that leads to it.
fn listed<'a, 't>(operand: &'a Document<'t>) -> Read<Vec<(String, &'a Document<'t>)>> {
    let Document::Array(items) = operand else {
        return Ok(vec![(String::new(), operand)]);
    };
    if items.is_empty() {
        return Err(Fault::new(Problem::EmptyList));
    }
    Ok(items
        .iter()
        .enumerate()
        .map(|(at, item)| (format!("[{at}]"), item))
        .collect())
}

fn excluded_values(operand: &Document<'_>) -> Read<Excluded> {
    let mut texts: Vec<Box<str>> = Vec::new();
    let mut numbers = Vec::new();
    for (step, item) in listed(operand)? {
        if let Document::Text(text) = item {
            texts.push((&**text).into());
        } else if let Document::Number(text) = item {
            numbers.push(exact_number(text).map_err(|fault| fault.under(&step))?);
        } else {
            let takes = "strings or numbers, one or a list of them, or an operator object";
            return Err(wrong_operand(ANYTHING_BUT, takes).under(&step));
        }
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (false, false) => Err(Fault::new(Problem::MixedList)),
        (false, true) => Ok(Excluded::Texts(texts.into())),
        (true, _) => Ok(Excluded::Numbers(numbers.into())),
    }
}

fn excluded_texts<T>(
    operator: &'static str,
    operand: &Document<'_>,
    read: impl Fn(&str) -> Read<T>,
) -> Read<Box<[T]>> {
    let mut excluded = Vec::new();
    for (step, item) in listed(operand)? {
        let item = match item {
            Document::Text(text) if text.is_empty() && matches!(operator, PREFIX | SUFFIX) => {
                Err(Fault::new(Problem::EmptyAffix(operator)))
            }
            Document::Text(text) => read(text),
            Document::Null
            | Document::Bool(_)
            | Document::Number(_)
            | Document::Array(_)
            | Document::Object(_) => Err(wrong_operand(operator, "a string or a list of strings")),
        };
        excluded.push(item.map_err(|fault| fault.under(&step))?);
    }
    Ok(excluded.into())
}

fn exact_number(text: &str) -> Read<f64> {
    comparable(text).ok_or_else(|| Fault::new(Problem::InexactNumber(text.to_owned())))
}

/// `["=", n]`, or one or two ends of a range, the lower end first.
fn numeric(operand: &Document<'_>) -> Read<Value> {
    let Document::Array(items) = operand else {
        return Err(wrong_operand(
            NUMERIC,
            "a list such as [\">\", 0, \"<=\", 5]",
        ));
    };
    let (first, rest) = comparison(items, 0)?;
    let range = match first {
        Comparison::Equal(text) if rest.is_empty() => return Ok(Value::Number(Number::new(text))),
        Comparison::Upper(end) if rest.is_empty() => Range {
            lower: None,
            upper: Some(end),
        },
        Comparison::Lower(end) if rest.is_empty() => Range {
            lower: Some(end),
            upper: None,
        },
        Comparison::Equal(_) => return Err(Fault::new(Problem::LongComparison)),
        Comparison::Upper(_) => {
            return Err(Fault::new(Problem::LongComparison).suggest("write the lower end first"));
        }
        Comparison::Lower(lower) => {
            let ((second, rest), name) = (comparison(rest, 2)?, rest.first());
            let Comparison::Upper(upper) = second else {
                let mut written = String::new();
                name.unwrap_or(&Document::Null).write(&mut written);
                let problem = Problem::UnknownComparison(written.trim_matches('"').to_owned());
                return Err(Fault::new(problem)
                    .under("[2]")
                    .suggest("`<` or `<=` can stand here"));
            };
            if !rest.is_empty() {
                return Err(Fault::new(Problem::LongComparison));
            }
            if lower.value >= upper.value {
                return Err(Fault::new(Problem::EmptyRange));
            }
            Range {
                lower: Some(lower),
                upper: Some(upper),
            }
        }
    };
    Ok(Value::Numeric(range))
}

enum Comparison<'a> {
    Equal(&'a str),
    Lower(End),
    Upper(End),
}

/// Reads a comparison and its number off the front of a `numeric` list, whose first element has
/// the index `at`.
fn comparison<'a, 't>(
    items: &'a [Document<'t>],
    at: usize,
) -> Read<(Comparison<'a>, &'a [Document<'t>])> {
    let (name, number, rest) = match items {
        [Document::Text(name), Document::Number(number), rest @ ..] => (&**name, *number, rest),
        [Document::Text(name), Document::Text(text), ..] if comparable_text(text) => {
            return Err(wrong_operand(NUMERIC, "numbers to compare with")
                .under(&format!("[{}]", at + 1))
                .suggest(format!(
                    "write numbers without quotes: [\"{name}\", {text}]"
                )));
        }
        [Document::Text(_), ..] => {
            return Err(wrong_operand(NUMERIC, "a number after each comparison")
                .under(&format!("[{}]", at + 1)));
        }
        _ => {
            return Err(
                wrong_operand(NUMERIC, "a comparison such as \"<=\" before each number")
                    .under(&format!("[{at}]")),
            );
        }
    };
    let value = exact_number(number).map_err(|fault| fault.under(&format!("[{}]", at + 1)))?;
    let comparison = match name {
        "=" => Comparison::Equal(number),
        ">" => Comparison::Lower(End {
            value,
            inclusive: false,
        }),
        ">=" => Comparison::Lower(End {
            value,
            inclusive: true,
        }),
        "<" => Comparison::Upper(End {
            value,
            inclusive: false,
        }),
        "<=" => Comparison::Upper(End {
            value,
            inclusive: true,
        }),
        unknown => {
            return Err(Fault::new(Problem::UnknownComparison(unknown.to_owned()))
                .under(&format!("[{at}]"))
                .suggest("known: =, >, >=, <, <="));
        }
    };
    Ok((comparison, rest))
}

fn comparable_text(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(f64::is_finite)
}
