//! Who does a state's work: reading a Task's `Resource` as Step Functions does.
//!
//! Two forms name a Lambda function: its ARN as the resource, and the optimised integration
//! `arn:aws:states:::lambda:invoke`, which takes the function's name as a parameter and wraps
//! the result in an envelope. On one machine the functions called `payment-processor` or
//! `payment-processor-<suffix>` (the seed's names) are this crate.

use serde_json::{Map, Value, json};

use domain::task::TaskFailure;

/// The optimised Lambda integration.
pub const LAMBDA_INVOKE: &str = "arn:aws:states:::lambda:invoke";

/// The same, for a function that hands a token on: somebody answers with it later.
pub const LAMBDA_INVOKE_AND_WAIT: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// The name of the function that this crate is; a deployment may add `-` and a suffix.
pub const FUNCTION_NAME: &str = "payment-processor";

/// Whether a `Resource` takes the name of a function as a parameter.
pub fn invokes_by_name(resource: &str) -> bool {
    [LAMBDA_INVOKE, LAMBDA_INVOKE_AND_WAIT].contains(&resource)
}

/// Whether a `Resource` is the ARN of the function that this crate is.
pub fn is_our_function(resource: &str) -> bool {
    function_of_arn(resource).is_some_and(is_our_name)
}

/// Whether a `FunctionName` parameter means the function that this crate is. It may be a name,
/// a partial ARN (`<account>:function:<name>`) or an ARN, each with or without a qualifier
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>).
pub fn names_our_function(function_name: &str) -> bool {
    let partial = function_name
        .split_once(":function:")
        .filter(|(account, _)| account.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|(_, name)| name);
    let name = function_of_arn(function_name).or_else(|| partial.map(unqualified));
    is_our_name(name.unwrap_or_else(|| unqualified(function_name)))
}

/// The result of `lambda:invoke` around a function's result. What only tells of the transport
/// (`SdkHttpMetadata`, `SdkResponseMetadata`) is left out, since there is none.
pub(crate) fn envelope(payload: Value) -> Value {
    let mut envelope = Map::new();
    envelope.insert("ExecutedVersion".to_owned(), json!("$LATEST"));
    envelope.insert("Payload".to_owned(), payload);
    envelope.insert("StatusCode".to_owned(), json!(200));
    Value::Object(envelope)
}

/// A function's failure as Step Functions passes it on: the cause is the JSON text of the
/// error object that the function answered with, for both forms alike.
pub(crate) fn as_function_failure(failure: TaskFailure) -> TaskFailure {
    let cause = json!({"errorType": failure.error, "errorMessage": failure.cause});
    TaskFailure {
        cause: cause.to_string(),
        ..failure
    }
}

/// `arn:<partition>:lambda:<region>:<account>:function:<name>[:<qualifier>]`.
fn function_of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(7, ':');
    let fixed = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, _account, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.next()?;
    let partition_known = fixed.1 == "aws" || fixed.1.starts_with("aws-");
    (fixed.0 == "arn" && partition_known && fixed.2 == "lambda" && kind == "function")
        .then(|| unqualified(name))
}

fn unqualified(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

fn is_our_name(name: &str) -> bool {
    name.strip_prefix(FUNCTION_NAME)
        .is_some_and(|rest| rest.is_empty() || (rest.len() > 1 && rest.starts_with('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_function_is_known_by_its_arn() {
        for (resource, ours) in [
            (
                "arn:aws:lambda:us-east-1:000000000000:function:payment-processor",
                true,
            ),
            (
                "arn:aws:lambda:eu-west-1:123456789012:function:payment-processor-dev",
                true,
            ),
            (
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:payment-processor:live",
                true,
            ),
            (
                "arn:aws:lambda:us-east-1:0:function:payment-processors",
                false,
            ),
            (
                "arn:aws:lambda:us-east-1:0:function:payment-processor-",
                false,
            ),
            (
                "arn:aws:lambda:us-east-1:0:function:my-payment-processor",
                false,
            ),
            ("arn:aws:sns:us-east-1:0:function:payment-processor", false),
            ("arn:aws:lambda:us-east-1:0:layer:payment-processor", false),
            ("arn:aws:states:::lambda:invoke", false),
            ("payment-processor", false),
            ("", false),
        ] {
            assert_eq!(is_our_function(resource), ours, "{resource}");
        }
    }

    #[test]
    fn function_names_come_in_three_forms() {
        for (name, ours) in [
            ("payment-processor", true),
            ("payment-processor-dev:$LATEST", true),
            ("123456789012:function:payment-processor", true),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:payment-processor:1",
                true,
            ),
            ("other", false),
            ("other:function:payment-processor", false),
            ("", false),
        ] {
            assert_eq!(names_our_function(name), ours, "{name}");
        }
    }
}
