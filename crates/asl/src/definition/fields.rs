//! Reading the fields of one object, and noting what is wrong with them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{Amount, Computed, Language, PathField, Percentage, ResultPath};
use crate::expression::{Expression, PathExpression};
use crate::path::ReferencePath;
use crate::problem::{About, Problem};
use crate::query::{QuerySyntaxError, looks_like_query};
use crate::template::Template;

pub(super) struct Fields<'v, 'p> {
    map: &'v Map<String, Value>,
    location: String,
    language: Language,
    problems: &'p mut Vec<Problem>,
}

impl<'v, 'p> Fields<'v, 'p> {
    pub(super) fn new(
        map: &'v Map<String, Value>,
        location: String,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            map,
            location,
            language: Language::JsonPath,
            problems,
        }
    }

    /// The same fields, with expressions in this language.
    pub(super) fn in_language(mut self, language: Language) -> Self {
        self.language = language;
        self
    }

    pub(super) fn set_language(&mut self, language: Language) {
        self.language = language;
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// Where the object is.
    pub(super) fn here(&self) -> &str {
        if self.location.is_empty() {
            "/"
        } else {
            &self.location
        }
    }

    /// Where one of its fields is.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.location)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Notes something about the object.
    pub(super) fn wrong(&mut self, message: impl Into<String>) {
        let location = self.here().to_owned();
        self.problems.push(Problem::schema(message, location));
    }

    /// Notes something about a part of the object.
    pub(super) fn wrong_about(&mut self, message: String, about: About) {
        let location = self.here().to_owned();
        self.problems
            .push(Problem::schema(message, location).about(about));
    }

    /// Notes something about one of its fields.
    pub(super) fn wrong_at(&mut self, name: &str, message: impl Into<String>) {
        let location = self.at(name);
        self.problems.push(Problem::schema(message, location));
    }

    /// Takes over what was noted about the objects inside.
    pub(super) fn adopt(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    pub(super) fn require(&mut self, names: &[&str]) {
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !self.has(name))
            .collect();
        if !missing.is_empty() {
            let message = format!("These fields are required: [{}]", missing.join(", "));
            let missing = missing.into_iter().map(str::to_owned).collect();
            self.wrong_about(message, About::Missing(missing));
        }
    }

    /// Of fields that say the same thing, at most one.
    pub(super) fn at_most_one(&mut self, names: &[&str]) {
        let given: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| self.has(name))
            .collect();
        if given.len() > 1 {
            self.wrong(format!(
                "Only one of these fields may be given: [{}]",
                given.join(", ")
            ));
        }
    }

    pub(super) fn refuse_others(&mut self, known: &[&'static str]) {
        for name in self.map.keys() {
            if !known.contains(&name.as_str()) {
                self.unknown(name, known);
            }
        }
    }

    /// Notes a field that such an object does not have.
    pub(super) fn unknown(&mut self, name: &str, known: &[&'static str]) {
        let about = About::Field {
            name: name.to_owned(),
            known: known.to_vec(),
        };
        self.wrong_about(format!("Field '{name}' is not supported"), about);
    }

    pub(super) fn query_language(&mut self) -> Option<&'v str> {
        self.one_of("QueryLanguage", &["JSONPath", "JSONata"])
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'v str> {
        let value = self.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.wrong_at(name, "Expected value of type String");
        }
        text
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong_at(name, "Expected value of type Boolean");
        }
        flag
    }

    pub(super) fn object(&mut self, name: &str) -> Option<&'v Map<String, Value>> {
        let value = self.get(name)?;
        let object = value.as_object();
        if object.is_none() {
            self.wrong_at(name, "Expected value of type Object");
        }
        object
    }

    pub(super) fn list(&mut self, name: &str) -> &'v [Value] {
        match self.get(name) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong_at(name, "Expected value of type Array");
                &[]
            }
        }
    }

    pub(super) fn whole(&mut self, name: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.get(name)?;
        let number = value
            .as_u64()
            .filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let message = format!("Expected a whole number between {least} and {most}");
            self.wrong_at(name, message);
        }
        number
    }

    pub(super) fn path(&mut self, name: &str) -> Option<PathExpression> {
        let text = self.text(name)?;
        let path = PathExpression::parse(text);
        if path.is_none() {
            self.wrong_at(name, "Value is not a valid JSONPath");
        }
        path
    }

    /// `InputPath` or `OutputPath`.
    pub(super) fn path_field(&mut self, name: &str) -> PathField {
        match self.get(name) {
            None => PathField::Whole,
            Some(Value::Null) => PathField::Nothing,
            Some(_) => match self.path(name) {
                Some(path) if path.is_whole_data() => PathField::Whole,
                Some(path) => PathField::Path(path),
                None => PathField::Whole,
            },
        }
    }

    pub(super) fn result_path(&mut self, name: &str) -> ResultPath {
        if let Some(Value::Null) = self.get(name) {
            return ResultPath::Discard;
        }
        let Some(text) = self.text(name) else {
            return ResultPath::Whole;
        };
        match ReferencePath::parse(text) {
            Ok(place) if place.is_root() => ResultPath::Whole,
            Ok(place) => ResultPath::At {
                text: text.to_owned(),
                place,
            },
            Err(_) => {
                let message = "Value is not a Reference Path: a Reference Path names one place";
                self.wrong_at(name, message);
                ResultPath::Whole
            }
        }
    }

    pub(super) fn template(&mut self, name: &str) -> Option<Template> {
        self.template_named(name, name)
    }

    /// A template that error texts call `shown`.
    pub(super) fn template_named(&mut self, name: &str, shown: &str) -> Option<Template> {
        let value = self.get(name)?;
        let location = self.at(name);
        Some(match self.language {
            Language::JsonPath => Template::parse(value, &location, self.problems),
            Language::Jsonata => Template::parse_queries(value, shown, &location, self.problems),
        })
    }

    /// The JSONata expression under `name`, if what stands there is one.
    pub(super) fn query(&mut self, name: &str) -> Option<Expression> {
        let text = self.get(name)?.as_str()?;
        if self.language != Language::Jsonata || !looks_like_query(text) {
            return None;
        }
        match Expression::parse_query(text) {
            Ok(expression) => Some(expression),
            Err(QuerySyntaxError(reason)) => {
                self.wrong_at(
                    name,
                    format!("The JSONata expression is not valid: {reason}"),
                );
                None
            }
        }
    }

    /// Whether a JSONata expression stands under `name`, right or wrong.
    pub(super) fn is_query(&self, name: &str) -> bool {
        let text = self.get(name).and_then(Value::as_str);
        self.language == Language::Jsonata && text.is_some_and(looks_like_query)
    }

    /// What is computed for `fixed`: by JSONata where its value stands, or by the path under `path`.
    pub(super) fn computed(&mut self, fixed: &str, path: &str) -> Option<Computed> {
        self.at_most_one(&[fixed, path]);
        let (name, expression) = if self.is_query(fixed) {
            (fixed, self.query(fixed)?)
        } else {
            (path, Expression::Path(self.path(path)?))
        };
        let name = name.to_owned();
        Some(Computed { name, expression })
    }

    /// `Assign`: an object whose keys are names of variables.
    pub(super) fn assign(&mut self) -> Option<Template> {
        let names = self.object("Assign")?;
        for key in names.keys() {
            let name = match self.language {
                Language::JsonPath => key.strip_suffix(".$").unwrap_or(key),
                Language::Jsonata => key,
            };
            if !is_variable_name(name) {
                self.wrong_at("Assign", format!("'{name}' is not a valid variable name"));
            }
        }
        self.template("Assign")
    }

    /// A whole number under `fixed`, or a path to one under `path`.
    pub(super) fn amount(
        &mut self,
        fixed: &str,
        path: &str,
        range: RangeInclusive<u64>,
    ) -> Option<Amount> {
        if self.has(fixed) && !self.is_query(fixed) {
            self.at_most_one(&[fixed, path]);
            let number = self.whole(fixed, *range.start(), *range.end());
            return number.map(Amount::Fixed);
        }
        self.computed(fixed, path).map(Amount::Computed)
    }

    /// A number from 0 to 100 under `fixed`, or a path to one under `path`.
    pub(super) fn percentage(&mut self, fixed: &str, path: &str) -> Option<Percentage> {
        if let Some(value) = self.get(fixed).filter(|_| !self.is_query(fixed)) {
            self.at_most_one(&[fixed, path]);
            let number = value
                .as_f64()
                .filter(|number| (0.0..=100.0).contains(number));
            if number.is_none() {
                self.wrong_at(fixed, "Expected a number between 0 and 100");
            }
            return number.map(Percentage::Fixed);
        }
        self.computed(fixed, path).map(Percentage::Computed)
    }

    /// Notes a word that is none of a few.
    pub(super) fn not_one_of(&mut self, name: &str, message: String, words: &[&str]) {
        let about = About::Word(words.iter().map(|word| (*word).to_owned()).collect());
        let problem = Problem::schema(message, self.at(name));
        self.problems.push(problem.about(about));
    }

    /// One of a few words.
    pub(super) fn one_of(&mut self, name: &str, words: &[&str]) -> Option<&'v str> {
        let word = self.text(name)?;
        if words.contains(&word) {
            return Some(word);
        }
        let message = format!(
            "The field '{name}' should have one of these values: [{}]",
            words.join(", ")
        );
        self.not_one_of(name, message, words);
        None
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().count() <= 80
        && name != "states"
}
