//! One webhook: bound it, read it, decide, keep it. What is answered is `respond`'s matter.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use bytes::Bytes;
use domain::admit::{self, Admitted, Refusal, Refused};
use domain::delivery::{Headers, RawDelivery};
use domain::signature::SignatureRefusal;
use domain::source::{Source, SourceName};
use domain::trace::{TraceContext, TraceId};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span, debug, error, info_span, warn};

use super::Ingress;
use super::respond::{self, Refusing, Verdict};
use crate::metrics::{RefusalLabels, SecretLabels, SourceLabel};
use crate::spans;
use crate::store::{
    Appended, Custody, EventLog, NotKept, Outcome, Quarantine, QuarantineReason,
    QuarantinedDelivery,
};

/// Answers one request to the source called `name`.
pub(super) async fn answer<S: EventLog + Quarantine + Send + Sync + 'static>(
    ingress: &Ingress<S>,
    name: &str,
    request: Request,
) -> Response {
    let source = match find_source(ingress, name).await {
        Ok(source) => source,
        Err((label, refusing)) => {
            count_refusal(ingress, &label, &refusing);
            return respond::respond(&Verdict::Refused(refusing), None);
        }
    };
    let source = &*source;
    let span = info_span!("receive", trace_id = Empty, source = %source.name);
    let trace = place(&span, &request, ingress);
    span.record("trace_id", display(trace.id));
    let verdict = AssertUnwindSafe(receive(ingress, source, trace, request))
        .catch_unwind()
        .instrument(span)
        .await
        .unwrap_or_else(|_| {
            error!(trace_id = %trace.id, "a webhook's handler panicked; the sender was told 500");
            Verdict::Refused(Refusing::Internal)
        });
    match &verdict {
        Verdict::Kept(appended) => count_custody(ingress, source, appended),
        Verdict::Refused(refusing) => count_refusal(ingress, source.name.as_str(), refusing),
    }
    respond::respond(&verdict, Some(trace.id))
}

/// The source called `name`, or how its absence is counted and answered.
async fn find_source<S>(
    ingress: &Ingress<S>,
    name: &str,
) -> Result<Arc<Source>, (String, Refusing)> {
    let unknown = || ("unknown".to_owned(), Refusing::UnknownSource);
    let name = SourceName::try_new(name).map_err(|_| unknown())?;
    match ingress.sources.find(&name).await {
        Ok(found) => found.ok_or_else(unknown),
        Err(unavailable) => {
            warn!(source = %name, %unavailable, "the sender was told to try again");
            Err((name.to_string(), Refusing::SecretsUnavailable))
        }
    }
}

async fn receive<S: EventLog + Quarantine + Send + Sync + 'static>(
    ingress: &Ingress<S>,
    source: &Source,
    trace: TraceContext,
    request: Request,
) -> Verdict {
    if request.method() != Method::POST {
        return Verdict::Refused(Refusing::MethodNotAllowed);
    }
    let Ok(_permit) = ingress.intake.try_acquire() else {
        return Verdict::Refused(Refusing::IntakeFull);
    };
    let (head, body) = request.into_parts();
    let body = match read_body(ingress, &head.headers, body).await {
        Ok(body) => body,
        Err(refusing) => return Verdict::Refused(refusing),
    };
    let arrived = Instant::now();
    let delivery = RawDelivery {
        source: source.name.clone(),
        headers: keep_headers(&head.headers),
        body,
        received_at: ingress.clock.now(),
    };
    match decide(ingress, delivery, source).await {
        Ok(admitted) => {
            let verdict = take_custody(ingress, admitted, trace).await;
            if matches!(verdict, Verdict::Kept(_)) {
                ingress
                    .metrics
                    .ack_seconds
                    .observe(arrived.elapsed().as_secs_f64());
            }
            verdict
        }
        Err(refused) => {
            let refusing = Refusing::Delivery(refused.refusal);
            set_apart(ingress, refused, trace.id).await;
            Verdict::Refused(refusing)
        }
    }
}

/// Decides, and once more with newer secrets where no known one matched: whoever rotates a
/// secret may sign with it before we have heard of it.
async fn decide<S>(
    ingress: &Ingress<S>,
    delivery: RawDelivery,
    source: &Source,
) -> Result<Admitted, Refused> {
    let admit = |delivery, source: &Source| {
        info_span!("verify").in_scope(|| admit::admit(delivery, source))
    };
    let refused = match admit(delivery, source) {
        Err(refused)
            if refused.refusal == Refusal::Signature(SignatureRefusal::NoSecretMatches) =>
        {
            refused
        }
        decided => return decided,
    };
    match ingress.sources.renew(source).await {
        Some(renewed) => admit(refused.delivery, &renewed),
        None => Err(refused),
    }
}

async fn take_custody<S: EventLog>(
    ingress: &Ingress<S>,
    admitted: Admitted,
    trace: TraceContext,
) -> Verdict {
    let labels = SecretLabels {
        source: admitted.delivery().get().source.to_string(),
        secret: admitted.delivery().secret_label().to_owned(),
    };
    let kept = ingress
        .store
        .append_once(Custody { admitted, trace })
        .instrument(info_span!("append"));
    match tokio::time::timeout(ingress.options.custody_timeout, kept).await {
        Ok(Ok(appended)) => {
            ingress.metrics.secret_used.get_or_create(&labels).inc();
            debug!(events = appended.events.len(), "custody taken");
            Verdict::Kept(appended)
        }
        Ok(Err(NotKept::Unavailable(unavailable))) => {
            warn!(%unavailable, "custody could not be taken; the sender was told to try again");
            Verdict::Refused(Refusing::StoreUnavailable)
        }
        Ok(Err(NotKept::TooLarge { bytes, bytes_max })) => {
            warn!(
                bytes,
                bytes_max, "a delivery is larger than the store can keep"
            );
            Verdict::Refused(Refusing::BodyTooLarge { limit: bytes_max })
        }
        Err(_elapsed) => {
            warn!("custody took too long; the sender was told to try again");
            Verdict::Refused(Refusing::StoreUnavailable)
        }
    }
}

/// Keeps a refused delivery in quarantine. The sender's answer does not depend on it: it is
/// refused either way, and a full queue must not turn a forgery into a 503.
async fn set_apart<S: Quarantine>(ingress: &Ingress<S>, refused: Refused, trace: TraceId) {
    let reason = QuarantineReason::from(refused.refusal);
    let source = refused.delivery.source.to_string();
    warn!(refusal = %refused.refusal, "delivery refused and set apart");
    let delivery = QuarantinedDelivery {
        delivery: refused.delivery,
        reason,
        trace,
    };
    match ingress.store.quarantine(delivery).await {
        Ok(()) => {
            let labels = RefusalLabels {
                source,
                reason: reason.as_str().to_owned(),
            };
            ingress.metrics.quarantined.get_or_create(&labels).inc();
        }
        Err(unavailable) => {
            warn!(%unavailable, "a refused delivery could not be set apart");
            ingress.metrics.quarantine_lost.inc();
        }
    }
}

async fn read_body<S>(
    ingress: &Ingress<S>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, Refusing> {
    let limit = ingress.options.body_bytes_max;
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|digits| digits.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limit as u64) {
        return Err(Refusing::BodyTooLarge { limit });
    }
    let whole = Limited::new(body, limit).collect();
    match tokio::time::timeout(ingress.options.body_timeout, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusing::BodyTooLarge { limit }),
        Ok(Err(_broken)) => Err(Refusing::BodyBroken),
        Err(_elapsed) => Err(Refusing::BodyTimeout),
    }
}

fn keep_headers(headers: &HeaderMap) -> Headers {
    // Header values are cheap to share: they are slices of the request's own buffer. They are
    // copied all the same, or a kept header would keep that whole buffer alive.
    Headers::new(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes()))),
    )
}

/// The trace of this webhook: the platform's, where there is one in the request's extensions; the
/// sender's, where there is a `traceparent`; the exporter's, where there is one; or one of our own.
fn place<S>(span: &Span, request: &Request, ingress: &Ingress<S>) -> TraceContext {
    let platform = request.extensions().get::<TraceContext>().copied();
    let sent = platform.or_else(|| {
        let header = request.headers().get("traceparent")?;
        TraceContext::from_traceparent(header.as_bytes())
    });
    if let Some(placed) = spans::place(span, sent) {
        return placed;
    }
    // The sender's span is none of ours; only its trace goes on.
    let id = sent.map(|sent| sent.id).unwrap_or_else(|| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&ingress.luck.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&ingress.luck.next_u64().to_be_bytes());
        TraceId::from_bytes(bytes)
    });
    id.into()
}

fn count_custody<S>(ingress: &Ingress<S>, source: &Source, appended: &Appended) {
    let label = SourceLabel {
        source: source.name.to_string(),
    };
    let metrics = &ingress.metrics;
    metrics.accepted.get_or_create(&label).inc();
    for (outcome, _) in &appended.events {
        match outcome {
            Outcome::Stored => {}
            Outcome::Duplicate => {
                metrics.duplicates.get_or_create(&label).inc();
            }
            Outcome::Conflict => {
                warn!(source = %source.name, "an event key came again with other bytes");
                metrics.conflicts.get_or_create(&label).inc();
            }
        }
    }
}

fn count_refusal<S>(ingress: &Ingress<S>, source: &str, refusing: &Refusing) {
    let labels = RefusalLabels {
        source: source.to_owned(),
        reason: refusing.code().to_owned(),
    };
    ingress.metrics.refused.get_or_create(&labels).inc();
}
