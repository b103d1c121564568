//! The functions that Step Functions adds to JSONata, and those of JSONata that depend on time or
//! luck. Source: developer guide, "JSONata functions provided by Step Functions".

use std::rc::Rc;

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Value;

use super::value::{from_jvalue, to_jvalue};
use crate::expression::Scope;
use crate::intrinsics::{self, Function};
use crate::luck::Luck;
use crate::time::Millis;

type Answer = Result<JValue, EvaluatorError>;

/// Whether a name is one of these functions'.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

/// Makes them known.
pub(super) fn register(evaluator: &mut Evaluator, scope: Scope<'_>) -> Result<(), EvaluatorError> {
    let luck = Rc::new(Luck::new(scope.luck.next()));
    let now = scope.now;
    evaluator.register_fn("partition", |args: &[JValue]| {
        intrinsic(Function::ArrayPartition, args)
    })?;
    evaluator.register_fn("range", |args: &[JValue]| {
        // What a function finds is a sequence: one item alone is not a list (recorded).
        let found = intrinsic(Function::ArrayRange, args)?;
        Ok(match found.as_array() {
            Some(items) => JValue::sequence(items.clone()).unwrap_sequence(),
            None => found,
        })
    })?;
    evaluator.register_fn("hash", |args: &[JValue]| intrinsic(Function::Hash, args))?;
    evaluator.register_fn("parse", |args: &[JValue]| {
        intrinsic(Function::StringToJson, args)
    })?;
    let source = Rc::clone(&luck);
    evaluator.register_fn("uuid", move |_: &[JValue]| {
        Ok(JValue::string(source.uuid()))
    })?;
    let source = Rc::clone(&luck);
    evaluator.register_fn_override("random", move |args: &[JValue]| {
        let seeded = args.first().and_then(JValue::as_f64);
        Ok(JValue::from_f64(match seeded {
            Some(seed) => Luck::new(seed.to_bits()).fraction(),
            None => source.fraction(),
        }))
    })?;
    evaluator.register_fn_override("shuffle", move |args: &[JValue]| shuffle(args, &luck))?;
    evaluator.register_fn_override("millis", move |_: &[JValue]| Ok(millis(now)))?;
    evaluator.register_fn_override("now", move |args: &[JValue]| now_as(args, now))?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        fail("The function $eval is not supported")
    })
}

/// An intrinsic function of JSONPath that does the same.
fn intrinsic(function: Function, args: &[JValue]) -> Answer {
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        match from_jvalue(arg) {
            // JSONata's functions of nothing are nothing.
            Ok(None) => return Ok(JValue::Undefined),
            Ok(Some(value)) => values.push(value),
            Err(_) => return fail("an argument is nested too deeply"),
        }
    }
    match intrinsics::compute(function, &values) {
        Ok(value) => Ok(to_jvalue(&value)),
        Err(error) => fail(&error.to_string()),
    }
}

fn shuffle(args: &[JValue], luck: &Luck) -> Answer {
    let Some(items) = args.first().and_then(JValue::as_array) else {
        return Ok(args.first().cloned().unwrap_or(JValue::Undefined));
    };
    let mut items = items.clone();
    for last in (1..items.len()).rev() {
        let other = luck.up_to(last as u64);
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
    Ok(JValue::sequence(items))
}

fn millis(now: Millis) -> JValue {
    to_jvalue(&Value::from(now.0))
}

/// `$now([picture [, timezone]])`.
fn now_as(args: &[JValue], now: Millis) -> Answer {
    if args.is_empty() {
        return Ok(JValue::string(now.to_rfc3339()));
    }
    let mut context = Context::new();
    context.bind("ms".to_owned(), millis(now));
    for (name, value) in ["picture", "timezone"].into_iter().zip(args) {
        context.bind(name.to_owned(), value.clone());
    }
    let tree = parser::parse("$fromMillis($ms, $picture, $timezone)");
    let tree = tree.map_err(|error| EvaluatorError::EvaluationError(error.to_string()))?;
    Evaluator::with_context(context).evaluate(&tree, &JValue::Undefined)
}

fn fail<T>(text: &str) -> Result<T, EvaluatorError> {
    Err(EvaluatorError::EvaluationError(text.to_owned()))
}

const OWN: &[&str] = &[
    "partition",
    "range",
    "hash",
    "parse",
    "uuid",
    "random",
    "shuffle",
    "millis",
    "now",
    "eval",
];
