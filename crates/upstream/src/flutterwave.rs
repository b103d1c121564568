//! Flutterwave v3: a webhook proves with a static token only, and its documentation asks to verify
//! by the API. <https://developer.flutterwave.com/docs/transaction-verification>

use bytes::Bytes;
use domain::delivery::RawDelivery;
use domain::json::Object;
use engine::upstream::UpstreamFailure;

use crate::client::Reply;
use crate::hint;

pub(crate) const BASE: &str = "https://api.flutterwave.com";

/// Where the transaction is. Other events than charges have ids of their own kind, which may be
/// some transaction's too.
pub(crate) fn path(hint: &RawDelivery) -> Option<Vec<String>> {
    let body = Object::parse(&hint.body)?;
    if body
        .text("event")
        .is_some_and(|event| event != "charge.completed")
    {
        return None;
    }
    let id = body.object("data")?.scalar("id")?;
    let id = hint::id(&id, u8::is_ascii_digit)?;
    Some(
        ["v3", "transactions", &id, "verify"]
            .map(str::to_owned)
            .to_vec(),
    )
}

/// The answer as the webhook would have said it: its `data` is the same object.
pub(crate) fn read(reply: &Reply) -> Result<Option<Bytes>, UpstreamFailure> {
    let body = match reply {
        Reply::Found(body) | Reply::Rejected(Some(body)) => body,
        Reply::Unknown => return Ok(None),
        Reply::Rejected(None) => return Err(UpstreamFailure::Unreadable),
    };
    let answer = Object::parse(body).ok_or(UpstreamFailure::Unreadable)?;
    let data = answer.raw("data").filter(|data| data.starts_with('{'));
    match (answer.text("status").as_deref(), data) {
        (Some("success"), Some(data)) if matches!(reply, Reply::Found(_)) => Ok(Some(
            format!(r#"{{"event":"charge.completed","data":{data}}}"#).into(),
        )),
        // It says so with a 400, "No transaction was found for this id".
        (Some("error"), None)
            if answer.text("message").is_some_and(|message| {
                message
                    .to_ascii_lowercase()
                    .contains("no transaction was found")
            }) =>
        {
            Ok(None)
        }
        (_, _) => Err(UpstreamFailure::Unreadable),
    }
}
