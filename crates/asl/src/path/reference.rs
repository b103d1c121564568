//! Reference paths: paths that name one place, where a result can be put.

use serde_json::{Map, Value};

use super::{JsonPath, PathSyntaxError, Segment};

/// A place inside a value, made of names and indices only.
#[derive(Debug, Clone)]
pub(crate) struct ReferencePath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Name(String),
    Index(usize),
}

/// Why a result cannot be put where a path points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CannotPut;

impl ReferencePath {
    pub(crate) fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let path = JsonPath::parse(text)?;
        let steps = path
            .segments
            .into_iter()
            .map(|segment| match segment {
                Segment::Name(name) => Some(Step::Name(name)),
                Segment::Index(index) => usize::try_from(index).ok().map(Step::Index),
                Segment::Names(_)
                | Segment::Indices(_)
                | Segment::Slice { .. }
                | Segment::Wildcard
                | Segment::Filter(_)
                | Segment::Descend(_)
                | Segment::Length => None,
            })
            .collect::<Option<Vec<Step>>>();
        let reason = "a reference path names one place";
        steps
            .map(|steps| Self { steps })
            .ok_or(PathSyntaxError { reason, at: 0 })
    }

    pub(crate) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Puts `result` into `target`, making the objects on the way that are missing.
    pub(crate) fn put(&self, target: &mut Value, result: Value) -> Result<(), CannotPut> {
        let mut here = target;
        for step in &self.steps {
            here = match step {
                Step::Name(name) => {
                    if here.is_null() {
                        *here = Value::Object(Map::new());
                    }
                    let Value::Object(fields) = here else {
                        return Err(CannotPut);
                    };
                    fields.entry(name.clone()).or_insert(Value::Null)
                }
                Step::Index(index) => here
                    .as_array_mut()
                    .and_then(|items| items.get_mut(*index))
                    .ok_or(CannotPut)?,
            };
        }
        *here = result;
        Ok(())
    }
}
