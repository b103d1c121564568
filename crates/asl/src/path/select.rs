//! Path and value to what the path names.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{JsonPath, PathMiss, Segment};

impl JsonPath {
    /// What the path names in `root`: borrowed when it is one value that is there, a list of
    /// its own when the path is indefinite. An indefinite path that leads nowhere gives an
    /// empty list (recorded: `$.items[*]` of an empty object).
    pub(crate) fn select<'v>(&self, root: &'v Value) -> Result<Cow<'v, Value>, PathMiss> {
        let found = self.select_in(root, root);
        if found.is_err() && !self.is_definite() {
            return Ok(Cow::Owned(Value::Array(Vec::new())));
        }
        found
    }

    pub(super) fn select_in<'v>(
        &self,
        start: &'v Value,
        root: &'v Value,
    ) -> Result<Cow<'v, Value>, PathMiss> {
        let mut here = start;
        for (at, segment) in self.segments.iter().enumerate() {
            let is_leaf = at + 1 == self.segments.len();
            here = match segment {
                Segment::Name(name) => self.child(here, name, at)?,
                Segment::Index(index) => {
                    let items = self.array(here, segment, at)?;
                    position(items.len(), *index)
                        .and_then(|at| items.get(at))
                        .ok_or_else(|| self.no_results())?
                }
                Segment::Names(names) if is_leaf => return self.pick(here, names, at),
                Segment::Length => {
                    let length = here
                        .as_array()
                        .map(Vec::len)
                        .ok_or_else(|| self.no_results())?;
                    return Ok(Cow::Owned(Value::from(length)));
                }
                Segment::Names(_)
                | Segment::Indices(_)
                | Segment::Slice { .. }
                | Segment::Wildcard
                | Segment::Filter(_)
                | Segment::Descend(_) => return self.select_many(here, root, at),
            };
        }
        Ok(Cow::Borrowed(here))
    }

    fn select_many<'v>(
        &self,
        here: &'v Value,
        root: &'v Value,
        from: usize,
    ) -> Result<Cow<'v, Value>, PathMiss> {
        let first = &self.segments[from];
        if matches!(first, Segment::Indices(_) | Segment::Slice { .. }) {
            self.array(here, first, from)?;
        }
        let mut nodes = vec![here];
        let rest = &self.segments[from..];
        for (at, segment) in rest.iter().enumerate() {
            let is_leaf = at + 1 == rest.len();
            if let (Segment::Names(names), true) = (segment, is_leaf) {
                let merged = nodes.iter().filter_map(|node| merge(node, names)).collect();
                return Ok(Cow::Owned(Value::Array(merged)));
            }
            if let Segment::Length = segment {
                return Ok(Cow::Owned(Value::from(nodes.len())));
            }
            let mut found = Vec::new();
            for node in nodes {
                apply(segment, node, root, &mut found);
            }
            nodes = found;
        }
        Ok(Cow::Owned(Value::Array(
            nodes.into_iter().cloned().collect(),
        )))
    }

    fn child<'v>(&self, here: &'v Value, name: &str, at: usize) -> Result<&'v Value, PathMiss> {
        let Value::Object(fields) = here else {
            let fragment = self.segments[at].to_string();
            return Err(PathMiss::NotAnObject {
                fragment,
                path: self.prefix(at),
                found: java_class(here),
            });
        };
        fields.get(name).ok_or_else(|| {
            if at + 1 == self.segments.len() {
                self.no_results()
            } else {
                PathMiss::MissingProperty {
                    path: self.prefix(at + 1),
                }
            }
        })
    }

    fn array<'v>(
        &self,
        here: &'v Value,
        segment: &Segment,
        at: usize,
    ) -> Result<&'v Vec<Value>, PathMiss> {
        match here {
            Value::Array(items) => Ok(items),
            Value::Null => Err(PathMiss::NullArray {
                path: self.prefix(at),
            }),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                let found = crate::intrinsics::java_text(here);
                Err(PathMiss::NotAnArray {
                    fragment: segment.to_string(),
                    found,
                })
            }
        }
    }

    fn pick<'v>(
        &self,
        here: &'v Value,
        names: &[String],
        at: usize,
    ) -> Result<Cow<'v, Value>, PathMiss> {
        merge(here, names)
            .map(Cow::Owned)
            .ok_or_else(|| PathMiss::NotAnObject {
                fragment: self.segments[at].to_string(),
                path: self.prefix(at),
                found: java_class(here),
            })
    }

    fn no_results(&self) -> PathMiss {
        PathMiss::NoResults {
            path: self.to_string(),
        }
    }

    fn prefix(&self, count: usize) -> String {
        let segments = self.segments[..count].to_vec();
        Self { segments }.to_string()
    }
}

fn merge(node: &Value, names: &[String]) -> Option<Value> {
    let fields = node.as_object()?;
    let picked: Map<String, Value> = names
        .iter()
        .filter_map(|name| fields.get(name).map(|value| (name.clone(), value.clone())))
        .collect();
    Some(Value::Object(picked))
}

fn apply<'v>(segment: &Segment, node: &'v Value, root: &Value, found: &mut Vec<&'v Value>) {
    match segment {
        Segment::Name(name) => found.extend(node.get(name.as_str())),
        Segment::Names(names) => {
            found.extend(names.iter().filter_map(|name| node.get(name.as_str())));
        }
        Segment::Index(index) => found.extend(item(node, *index)),
        Segment::Indices(list) => {
            found.extend(list.iter().filter_map(|index| item(node, *index)));
        }
        Segment::Slice { start, end } => {
            if let Value::Array(items) = node {
                found.extend(slice(items, *start, *end));
            }
        }
        Segment::Wildcard => match node {
            Value::Array(items) => found.extend(items),
            Value::Object(fields) => found.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        },
        Segment::Filter(filter) => match node {
            Value::Array(items) => {
                found.extend(items.iter().filter(|item| filter.keeps(item, root)));
            }
            Value::Object(_) if filter.keeps(node, root) => found.push(node),
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => {}
        },
        Segment::Descend(inner) => descend(inner, node, root, found),
        Segment::Length => {}
    }
}

fn descend<'v>(segment: &Segment, node: &'v Value, root: &Value, found: &mut Vec<&'v Value>) {
    apply(segment, node, root, found);
    match node {
        Value::Array(items) => {
            items
                .iter()
                .for_each(|item| descend(segment, item, root, found));
        }
        Value::Object(fields) => {
            fields
                .values()
                .for_each(|item| descend(segment, item, root, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn item(node: &Value, index: i64) -> Option<&Value> {
    let items = node.as_array()?;
    items.get(position(items.len(), index)?)
}

fn position(len: usize, index: i64) -> Option<usize> {
    if index >= 0 {
        return usize::try_from(index).ok();
    }
    let back = usize::try_from(index.unsigned_abs()).ok()?;
    len.checked_sub(back)
}

fn slice(items: &[Value], start: Option<i64>, end: Option<i64>) -> &[Value] {
    let bound = |bound: i64| match position(items.len(), bound) {
        Some(at) => at.min(items.len()),
        None => 0,
    };
    let start = start.map_or(0, bound);
    let end = end.map_or(items.len(), bound);
    items.get(start..end).unwrap_or(&[])
}

/// The Java class that Jackson reads such a value into; it appears in error texts.
fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(number) => match number.as_i64().map(i32::try_from) {
            Some(Ok(_)) => "java.lang.Integer",
            _ => "java.lang.Long",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}
