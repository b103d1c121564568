//! Many at once.

use axum::Json;
use axum::extract::{Extension, Path, State};
use engine::operator::NotDone;
use engine::store::Store;
use schemars::JsonSchema;
use serde::Deserialize;

use super::caller::Caller;
use super::looking::Numbered;
use super::problem::Problem;
use super::requests::{Acting, Body, object};
use super::{Admin, Shared};
use crate::bulk::{BulkAction, BulkRequest, BulkView};
use crate::desk::{By, EventQuery};

/// What is done with many executions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExecutionAction {
    /// Let those that ended badly go on.
    Redrive,
    /// End those that run.
    Stop,
    /// Let those go on that could not tell an endpoint what became of a payment.
    Notify,
}

/// With which executions: those whose events fit. Empty fits all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExecutionsFilter {
    /// Only those of this payment.
    payment_id: Option<String>,
    /// Only those whose record stands so.
    status: Option<String>,
    /// Only those of this source.
    source: Option<String>,
    /// Only the one with this key.
    event_key: Option<String>,
    /// Only those that failed with this error.
    error: Option<String>,
    /// Only those of exactly this amount.
    #[schemars(schema_with = "crate::view::schema::amount_or_null")]
    amount: Option<String>,
    /// Only those received at this time or later.
    #[schemars(schema_with = "crate::view::schema::time_or_null")]
    since: Option<String>,
    /// Only those received before this time.
    #[schemars(schema_with = "crate::view::schema::time_or_null")]
    until: Option<String>,
}

/// A run over executions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ManyExecutions {
    /// What is done with each.
    action: ExecutionAction,
    /// With which.
    #[serde(default, deserialize_with = "object")]
    filter: ExecutionsFilter,
    /// Whether they are only counted.
    #[serde(default)]
    dry_run: bool,
    /// How many a second; 10 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    per_second: Option<u32>,
    /// Why, for whoever reads the audit log.
    #[serde(default)]
    reason: Option<String>,
}

/// With which refused deliveries. Empty fits all.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DeliveriesFilter {
    /// Only those to this source.
    source: Option<String>,
    /// Only those that last came at this time or later.
    #[schemars(schema_with = "crate::view::schema::time_or_null")]
    since: Option<String>,
    /// Only those that last came before this time.
    #[schemars(schema_with = "crate::view::schema::time_or_null")]
    until: Option<String>,
}

/// A run over refused deliveries: each is judged again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ManyDeliveries {
    /// With which.
    #[serde(default, deserialize_with = "object")]
    filter: DeliveriesFilter,
    /// Whether they are only counted.
    #[serde(default)]
    dry_run: bool,
    /// How many a second; 10 when absent.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    per_second: Option<u32>,
    /// Why, for whoever reads the audit log.
    #[serde(default)]
    reason: Option<String>,
}

impl From<ManyExecutions> for BulkRequest {
    fn from(many: ManyExecutions) -> Self {
        let filter = many.filter;
        Self {
            action: match many.action {
                ExecutionAction::Redrive => BulkAction::Redrive,
                ExecutionAction::Stop => BulkAction::Stop,
                ExecutionAction::Notify => BulkAction::Notify,
            },
            filter: EventQuery {
                payment_id: filter.payment_id,
                status: filter.status,
                source: filter.source,
                event_key: filter.event_key,
                error: filter.error,
                amount: filter.amount,
                since: filter.since,
                until: filter.until,
                ..EventQuery::default()
            },
            dry_run: many.dry_run,
            per_second: many.per_second,
            reason: many.reason,
        }
    }
}

impl From<ManyDeliveries> for BulkRequest {
    fn from(many: ManyDeliveries) -> Self {
        Self {
            action: BulkAction::Promote,
            filter: EventQuery {
                source: many.filter.source,
                since: many.filter.since,
                until: many.filter.until,
                ..EventQuery::default()
            },
            dry_run: many.dry_run,
            per_second: many.per_second,
            reason: many.reason,
        }
    }
}

pub(super) async fn executions<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(many): Body<ManyExecutions>,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(begin(&admin, many.into(), &caller).await?))
}

pub(super) async fn deliveries<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(many): Body<ManyDeliveries>,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(begin(&admin, many.into(), &caller).await?))
}

async fn begin<S: Store>(
    admin: &Admin<S>,
    request: BulkRequest,
    caller: &Caller,
) -> Result<BulkView, NotDone> {
    let by = By::new(caller.name(), request.reason.as_deref());
    admin.bulk.begin(&admin.desk, request, &by).await
}

pub(super) async fn runs<S: Store>(
    State(admin): Shared<S>,
) -> Result<Json<Vec<BulkView>>, Problem> {
    Ok(Json(admin.bulk.all()))
}

pub(super) async fn run<S: Store>(
    State(admin): Shared<S>,
    Path(Numbered { id }): Path<Numbered>,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(admin.bulk.run(id)?))
}

pub(super) async fn cancel<S: Store>(
    State(admin): Shared<S>,
    Path(Numbered { id }): Path<Numbered>,
    Acting(by): Acting,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(admin.bulk.cancel(&admin.desk, id, &by).await?))
}
