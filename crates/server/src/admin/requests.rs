//! What callers send along.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, RequestExt as _};
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

use super::caller::Caller;
use super::problem::Problem;
use crate::desk::By;

/// Whether bodies are shown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Detail {
    /// Whether bodies are shown as they were sent: they may hold personal data, so that takes the
    /// role `operate`.
    pub(super) body: bool,
}

/// Why something is done.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActRequest {
    /// The reason, for whoever reads the audit log, and a stopped execution's history.
    pub(crate) reason: Option<String>,
}

/// Who acts, and why: a reason may be left out, and so may the whole body.
pub(super) struct Acting(pub(super) By);

impl<S: Send + Sync> FromRequest<S> for Acting {
    type Rejection = Response;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let caller = request.extensions_mut().remove::<Caller>();
        let body: Option<Json<Value>> = request
            .extract_with_state(state)
            .await
            .map_err(|refusal: JsonRejection| refusal.into_response())?;
        let reason = match body {
            None | Some(Json(Value::Null)) => None,
            Some(Json(body)) => read::<ActRequest>(body)?.reason,
        };
        let name = caller.as_ref().map(Caller::name).unwrap_or_default();
        Ok(Self(By::new(name, reason.as_deref())))
    }
}

impl OperationInput for Acting {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let media = MediaType {
            schema: Some(SchemaObject {
                json_schema: context.schema.subschema_for::<Option<ActRequest>>(),
                external_docs: None,
                example: None,
            }),
            ..MediaType::default()
        };
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            description: Some("Why; it may be left out.".to_owned()),
            content: [("application/json".to_owned(), media)]
                .into_iter()
                .collect(),
            required: false,
            ..RequestBody::default()
        }));
    }
}

/// A body that is one object, read as JSON Schema reads it: an array is no object, and 5.0 is a whole
/// number.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let Json(body) = Json::<Value>::from_request(request, state)
            .await
            .map_err(|refusal: JsonRejection| refusal.into_response())?;
        read(body).map(Self)
    }
}

/// An object as what it says.
fn read<T: DeserializeOwned>(mut body: Value) -> Result<T, Response> {
    if !body.is_object() {
        return Err(unreadable("the body must be an object"));
    }
    make_whole(&mut body);
    serde_path_to_error::deserialize(body).map_err(|unread| unreadable(&unread.to_string()))
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(context, operation);
    }
}

fn unreadable(why: &str) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::new(status, "unprocessable_entity", why).into_response()
}

/// The largest number of this kind below which every integer is one.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Writes every whole number as one.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            // Beyond this not every integer is a number of this kind, and none is asked for.
            let whole = float.filter(|float| float.fract() == 0.0 && float.abs() <= EXACT_MAX);
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A field that is an object: without this, an array of its fields' values would do, and one of
/// nulls would mean everything.
pub(super) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let fields = Map::deserialize(deserializer)?;
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::make_whole;

    #[test]
    fn whole_numbers_become_whole_and_nothing_else_changes() {
        let mut value = json!({"a": 5.0, "b": [-0.0, 1.5, 1e300], "c": "5.0", "d": null, "e": 7, "f": -9007199254740991.0});
        make_whole(&mut value);
        let wanted = json!({"a": 5, "b": [0, 1.5, 1e300], "c": "5.0", "d": null, "e": 7, "f": -9007199254740991_i64});
        assert_eq!(value, wanted);
    }
}
