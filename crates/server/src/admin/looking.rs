//! Questions: nothing is changed by them.

use std::sync::Arc;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Described};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use engine::operator::NotDone;
use engine::store::Store;
use schemars::JsonSchema;
use serde::Deserialize;

use super::caller::Caller;
use super::problem::Problem;
use super::requests::Detail;
use super::{Admin, Shared};
use crate::desk::{
    ChangeQuery, ChangesView, Desk, EventQuery, ExecutionQuery, ListQuery, PaymentQuery,
    TrendsQuery,
};
use crate::export::{self, Format};
use crate::view::{
    ActView, AnomalyView, CountsView, EventDetailView, EventView, ExecutionDetailView,
    ExecutionView, ListedPaymentView, PageView, PaymentView, QuarantineDetailView, QuarantineView,
    TrendsView,
};

/// An answer, or why there is none.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

/// What something is called in its address.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// Its id, or its event's key such as `generic/evt_1`.
    id: String,
}

/// A delivery's place in the quarantine.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Numbered {
    /// Its id.
    #[schemars(extend("maximum" = u64::MAX))]
    pub(super) id: u64,
}

/// How events are written.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Written {
    /// `csv`, or `jsonl` for an object a line.
    format: Format,
}

pub(super) async fn counts<S: Store>(State(admin): Shared<S>) -> Answer<CountsView> {
    Ok(Json(admin.desk.counts()?))
}

pub(super) async fn changes<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<ChangeQuery>,
) -> Answer<ChangesView> {
    Ok(Json(admin.desk.changes(&query)?))
}

pub(super) async fn events<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<EventQuery>,
) -> Answer<PageView<EventView>> {
    Ok(Json(admin.desk.events(&query)?))
}

pub(super) async fn event<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(Named { id }): Path<Named>,
    Query(detail): Query<Detail>,
) -> Answer<EventDetailView> {
    let bodies = caller.sees_bodies(&detail)?;
    Ok(Json(admin.desk.event(&id, bodies)?))
}

/// A file.
pub(super) struct File(Response);

impl IntoResponse for File {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for File {
    type Inner = Self;

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Described)> {
        let kinds = [Format::Csv, Format::Jsonl].map(Format::media_type);
        let described = Described {
            description: "The events, newest first".to_owned(),
            content: kinds
                .map(|kind| (kind.to_owned(), MediaType::default()))
                .into_iter()
                .collect(),
            ..Described::default()
        };
        vec![(Some(200), described)]
    }
}

pub(super) async fn export<S: Store>(
    State(admin): Shared<S>,
    Path(Written { format }): Path<Written>,
    Query(query): Query<EventQuery>,
) -> Result<File, Problem> {
    Ok(File(exported(admin, format, query)?))
}

/// The file with the events that are asked for.
///
/// # Errors
/// What is asked for is no such thing, or the store cannot be read. Once something was sent, a store
/// that fails breaks the connection.
pub(crate) fn exported<S: Store>(
    admin: Arc<Admin<S>>,
    format: Format,
    query: EventQuery,
) -> Result<Response, NotDone> {
    admin.desk.events(&EventQuery {
        limit: Some(1),
        ..query.clone()
    })?;
    let name = format!(
        "attachment; filename=\"payhook-events.{}\"",
        format.extension()
    );
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    let lines = export::stream(DeskOf(admin), query, format);
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The desk, for as long as somebody reads from it.
struct DeskOf<S>(Arc<Admin<S>>);

impl<S> AsRef<Desk<S>> for DeskOf<S> {
    fn as_ref(&self) -> &Desk<S> {
        &self.0.desk
    }
}

pub(super) async fn payments<S: Store>(
    State(admin): Shared<S>,
    Path(Named { id }): Path<Named>,
) -> Answer<Vec<PaymentView>> {
    Ok(Json(admin.desk.payments(&id)?))
}

pub(super) async fn list_payments<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<PaymentQuery>,
) -> Answer<PageView<ListedPaymentView>> {
    Ok(Json(admin.desk.list_payments(&query)?))
}

pub(super) async fn trends<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<TrendsQuery>,
) -> Answer<TrendsView> {
    Ok(Json(admin.desk.trends(&query)?))
}

pub(super) async fn anomalies<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<ListQuery>,
) -> Answer<PageView<AnomalyView>> {
    Ok(Json(admin.desk.anomalies(&query)?))
}

pub(super) async fn audit<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<ListQuery>,
) -> Answer<PageView<ActView>> {
    Ok(Json(admin.desk.audit(&query)?))
}

pub(super) async fn executions<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<ExecutionQuery>,
) -> Answer<PageView<ExecutionView>> {
    Ok(Json(admin.desk.executions(&query)?))
}

pub(super) async fn execution<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(Named { id }): Path<Named>,
    Query(detail): Query<Detail>,
) -> Answer<ExecutionDetailView> {
    let bodies = caller.sees_bodies(&detail)?;
    Ok(Json(admin.desk.execution(&id, bodies)?))
}

pub(super) async fn quarantine<S: Store>(
    State(admin): Shared<S>,
    Query(query): Query<ListQuery>,
) -> Answer<PageView<QuarantineView>> {
    Ok(Json(admin.desk.quarantine(&query)?))
}

pub(super) async fn quarantined<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(Numbered { id }): Path<Numbered>,
    Query(detail): Query<Detail>,
) -> Answer<QuarantineDetailView> {
    let bodies = caller.sees_bodies(&detail)?;
    Ok(Json(admin.desk.quarantined(id, bodies)?))
}
