//! The text of a pattern becomes branches, any one of which must match; a branch is a set of
//! fields, all of which must match; a field is a list of values, any one of which must match.
//!
//! A pattern without `$or` has one branch. A field given twice counts as given last, even when it
//! is spelled once as `a.b` and once as `b` within `a`.

use crate::complexity;
use crate::document::{Document, Member, Repeats};
use crate::error::{PatternError, Problem};
use crate::limits::{BRANCHES_MAX, PATTERN_BYTES_MAX, TERMS_MAX};
use crate::operator::{Fault, OPERATORS, Read, value};
use crate::path::Path;
use crate::value::Value;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

/// A parsed event pattern. Cheap to clone, and free to share between threads.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub(crate) branches: Arc<[Branch]>,
}

/// Fields that must all match, sorted as EventBridge sorts them.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) fields: Box<[Arc<Field>]>,
    /// Some field may be absent, so that the choice of array elements can decide what is absent.
    pub(crate) any_absent: bool,
}

/// One field and the values it may have.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) path: Path,
    pub(crate) any_of: Box<[Value]>,
    /// One of the values is `{"exists": false}`.
    pub(crate) or_absent: bool,
    /// The list as it was written, for reports.
    pub(crate) written: Box<str>,
}

impl Pattern {
    /// Reads and checks a pattern. Everything is checked here; matching cannot fail later.
    ///
    /// # Errors
    /// [`PatternError`] says what is wrong, where, and often what to write instead. A pattern
    /// that EventBridge refuses is refused here; the bounds of [`limits`](crate::limits) are
    /// wider than the service's where the service's are quotas on size.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let whole = |problem| PatternError {
            path: String::new(),
            problem,
            suggestion: None,
        };
        if text.len() > PATTERN_BYTES_MAX {
            let bytes_max = PATTERN_BYTES_MAX;
            return Err(whole(Problem::TooLong {
                bytes: text.len(),
                bytes_max,
            }));
        }
        let document =
            Document::read(text, Repeats::Kept).map_err(|error| whole(Problem::NotJson(error)))?;
        let Document::Object(members) = &document else {
            return Err(whole(Problem::NotAnObject));
        };
        // What is no proper `$or` may still be a pattern for a field of that name.
        let branches = Compiler::run(members, Or::Operator)
            .or_else(|fault| Compiler::run(members, Or::Field).map_err(|_| fault))
            .map_err(|fault| PatternError {
                path: fault.below.trim_start_matches('.').to_owned(),
                problem: fault.problem,
                suggestion: fault.suggestion,
            })?;
        Ok(Pattern {
            branches: branches.into(),
        })
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        Pattern::parse(text)
    }
}

const OR: &str = "$or";

/// Names that no field within `$or` may have: the operators, the comparisons, and those that
/// EventBridge keeps for later.
const RESERVED: [&str; 15] = [
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Or {
    Operator,
    Field,
}

type Fields = BTreeMap<Rc<str>, Arc<Field>>;

struct Compiler {
    or: Or,
    /// The branches so far. None yet is one without fields.
    branches: Vec<Fields>,
}

impl Compiler {
    fn run(members: &[Member<'_>], or: Or) -> Read<Vec<Branch>> {
        let mut compiler = Compiler {
            or,
            branches: vec![Fields::new()],
        };
        compiler.object(None, members, false)?;
        let branches: Vec<Branch> = compiler.branches.into_iter().map(Branch::new).collect();
        match complexity::excess(&branches) {
            None => Ok(branches),
            Some(field) => Err(Fault::new(Problem::TooComplex)
                .suggest("use fewer wildcards, or less alike text after them")
                .under(&format!(".{field}"))),
        }
    }

    fn object(&mut self, path: Option<&str>, members: &[Member<'_>], within_or: bool) -> Read<()> {
        if members.is_empty() {
            return Err(Fault::new(Problem::EmptyObject));
        }
        for (key, document) in members {
            let place = format!(".{key}");
            self.member(path, (&**key, document), within_or)
                .map_err(|fault| fault.under(&place))?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        path: Option<&str>,
        (key, document): (&str, &Document<'_>),
        within_or: bool,
    ) -> Read<()> {
        if key == OR && self.or == Or::Operator {
            return self.or(path, document);
        }
        if within_or && (OPERATORS.contains(&key) || RESERVED.contains(&key)) {
            return Err(Fault::new(Problem::ReservedName(key.to_owned())));
        }
        let path = path.map_or_else(|| key.to_owned(), |path| format!("{path}.{key}"));
        match document {
            Document::Object(members) => self.object(Some(&path), members, within_or),
            Document::Array(items) => self.field(&path, items, document),
            Document::Null | Document::Bool(_) | Document::Number(_) | Document::Text(_) => {
                let mut list = String::from("write a list: [");
                document.write(&mut list);
                list.push(']');
                Err(Fault::new(Problem::NotAList).suggest(list))
            }
        }
    }

    fn field(&mut self, path: &str, items: &[Document<'_>], list: &Document<'_>) -> Read<()> {
        if items.is_empty() {
            let any = "to match every value there is, write [{\"exists\": true}]";
            return Err(Fault::new(Problem::EmptyList).suggest(any));
        }
        let read = |(at, item)| value(item).map_err(|fault| fault.under(&format!("[{at}]")));
        let any_of: Box<[Value]> = items.iter().enumerate().map(read).collect::<Read<_>>()?;
        let mut written = String::new();
        list.write(&mut written);
        let field = Arc::new(Field {
            path: Path::new(path),
            or_absent: any_of.contains(&Value::Absent),
            any_of,
            written: written.into(),
        });
        let path: Rc<str> = path.into();
        for branch in &mut self.branches {
            branch.insert(path.clone(), field.clone());
        }
        self.check_size(&[])
    }

    /// Multiplies the branches so far with those of the list.
    fn or(&mut self, path: Option<&str>, document: &Document<'_>) -> Read<()> {
        let Document::Array(items) = document else {
            return Err(Fault::new(Problem::MalformedOr));
        };
        if let [Document::Object(_)] = &**items {
            return Err(Fault::new(Problem::MalformedOr).suggest("one object needs no `$or`"));
        }
        let before = std::mem::take(&mut self.branches);
        let mut multiplied = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let place = format!("[{at}]");
            let Document::Object(members) = item else {
                return Err(Fault::new(Problem::MalformedOr).under(&place));
            };
            self.branches = before.clone();
            self.check_size(&multiplied)?;
            self.object(path, members, true)
                .map_err(|fault| fault.under(&place))?;
            multiplied.append(&mut self.branches);
        }
        if multiplied.is_empty() {
            return Err(Fault::new(Problem::MalformedOr));
        }
        self.branches = multiplied;
        self.check_size(&[])
    }

    /// Bounds the branches so far, and those that already came of the `$or` they stand in.
    fn check_size(&self, beside: &[Fields]) -> Read<()> {
        let branches = self.branches.len() + beside.len();
        let terms: usize = self.branches.iter().chain(beside).map(BTreeMap::len).sum();
        if branches > BRANCHES_MAX || terms > TERMS_MAX {
            return Err(Fault::new(Problem::TooManyBranches));
        }
        Ok(())
    }
}

impl Branch {
    fn new(fields: Fields) -> Branch {
        let mut fields: Vec<Arc<Field>> = fields.into_values().collect();
        // EventBridge walks fields in the order of their UTF-16 names, and what counts as
        // absent depends on the array elements chosen for the fields before.
        fields.sort_by(|one, other| {
            one.path
                .text()
                .encode_utf16()
                .cmp(other.path.text().encode_utf16())
        });
        let any_absent = fields.iter().any(|field| field.or_absent);
        Branch {
            fields: fields.into(),
            any_absent,
        }
    }
}
