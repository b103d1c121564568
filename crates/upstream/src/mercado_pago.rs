//! Mercado Pago: a webhook names a payment, and its body is not signed.
//! <https://www.mercadopago.com.ar/developers/en/docs/your-integrations/notifications/webhooks>

use domain::delivery::RawDelivery;
use domain::json::Object;

use crate::hint;

pub(crate) const BASE: &str = "https://api.mercadopago.com";

/// Where the payment is. The query counts before the body: only it is signed. Hints of other kinds,
/// such as `merchant_order`, have ids of their own, which may be some payment's too.
pub(crate) fn path(hint: &RawDelivery) -> Option<Vec<String>> {
    let body = Object::parse(&hint.body);
    let kind = match hint.query_value("type") {
        Some(kind) => String::from_utf8(kind).ok(),
        None => body
            .as_ref()
            .and_then(|body| body.text("type"))
            .map(String::from),
    };
    if kind.is_some_and(|kind| kind != "payment") {
        return None;
    }
    let id = match hint.query_value("data.id") {
        Some(id) => String::from_utf8(id).ok()?,
        None => body?.object("data")?.scalar("id")?.into_owned(),
    };
    let id = hint::id(&id, u8::is_ascii_alphanumeric)?;
    Some(["v1", "payments", &id].map(str::to_owned).to_vec())
}
