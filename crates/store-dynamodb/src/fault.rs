//! The service's errors, sorted by what the caller can do.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId as _;
use engine::store::Unavailable;
use tracing::warn;

/// Why something could not be done, said once in the log: the operation, the service's own code
/// for the error and the request's id, and nothing of the request.
pub(crate) fn unavailable<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Unavailable
where
    E: ProvideErrorMetadata,
    SdkError<E, R>: aws_sdk_dynamodb::operation::RequestId,
{
    let code = code_of(error);
    let request_id = error.request_id().unwrap_or_default();
    warn!(operation, code, request_id, "DynamoDB did not do it");
    match code {
        "ThrottlingException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "LimitExceededException" => Unavailable::Overloaded,
        _ => Unavailable::Unreachable,
    }
}

fn code_of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    match error {
        SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown"),
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "not reached",
        SdkError::ResponseError(_) => "no answer that can be read",
        SdkError::ConstructionFailure(_) | _ => "not sent",
    }
}

/// An item that cannot be read: said in the log by its attribute's name.
pub(crate) fn unreadable(misread: crate::attributes::Misread) -> Unavailable {
    warn!(%misread, "an item cannot be read");
    Unavailable::Unreadable
}
