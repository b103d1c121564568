//! One webhook: bound it, read it, decide, keep it. What is answered is `respond`'s matter.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use bytes::Bytes;
use domain::admit::{Admitted, Refusal, Refused, Vouched};
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::payment::Anomaly;
use domain::providers::ProviderId;
use domain::signature::{SignatureRefusal, challenge_answer};
use domain::source::{Source, SourceName};
use domain::time::{Millis, Timestamp};
use domain::trace::{TraceContext, TraceId};
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span, debug, error, info_span, warn};

use super::Ingress;
use super::doorman::ClientAddress;
use super::respond::{self, Refusing, Verdict};
use crate::judge::{NotAdmitted, judge};
use crate::metrics::{AnomalyLabels, FetchLabels, RefusalLabels, SecretLabels, SourceLabel};
use crate::spans;
use crate::store::{
    Appended, Custody, EventLog, NotKept, Outcome, Quarantine, QuarantineReason,
    QuarantinedDelivery, Unavailable,
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
        Verdict::Answered(_) => {}
        Verdict::Kept(appended, _) => count_custody(ingress, source, appended),
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
    let client = request.extensions().get::<ClientAddress>().copied();
    if !ingress.options.doorman.lets_in(&source.name, client) {
        return Verdict::Refused(Refusing::AddressNotAllowed);
    }
    if let Some(answer) = challenge(source, &request, ingress.clock.now()) {
        return Verdict::Answered(answer);
    }
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
        headers: keep_headers(&head.headers, head.uri.query()),
        body,
        received_at: ingress.clock.now(),
    };
    match decide(ingress, delivery, source).await {
        Ok(admitted) => {
            let now = admitted.delivery().received_at;
            if let Err(wait) = ingress.options.doorman.count_proven(&source.name, now) {
                return Verdict::Refused(Refusing::RateExceeded { wait });
            }
            let verdict = take_custody(ingress, admitted, source, trace).await;
            if matches!(verdict, Verdict::Kept(..)) {
                ingress
                    .metrics
                    .ack_seconds
                    .observe(arrived.elapsed().as_secs_f64());
            }
            verdict
        }
        // The sender still has the webhook, and we have nothing of it that is worth keeping.
        Err(NotAdmitted::NotNow(failure)) => {
            warn!(%failure, "the provider could not be asked; the sender was told to try again");
            Verdict::Refused(Refusing::ProviderUnavailable)
        }
        Err(NotAdmitted::Refused(refused)) => {
            if let Err(wait) = count_failure(ingress, &refused, client) {
                debug!(refusal = %refused.refusal, "delivery refused, and not set apart: too many");
                return Verdict::Refused(Refusing::TooManyFailures { wait });
            }
            let refusing = match is_encoded(&head.headers) {
                true => Refusing::BodyEncoded,
                false => Refusing::Delivery(refused.refusal),
            };
            set_apart(ingress, *refused, source, trace.id).await;
            Verdict::Refused(refusing)
        }
    }
}

/// Counts what was refused for want of proof. Who has signed something that cannot be read is known,
/// and no forger.
fn count_failure<S>(
    ingress: &Ingress<S>,
    refused: &Refused,
    client: Option<ClientAddress>,
) -> Result<(), Millis> {
    match refused.refusal {
        Refusal::Unreadable(_) | Refusal::CardData => Ok(()),
        Refusal::Signature(_)
        | Refusal::NotVerified
        | Refusal::MustFetch
        | Refusal::UnknownToProvider => {
            let delivery = &refused.delivery;
            let doorman = &ingress.options.doorman;
            doorman.count_failure(&delivery.source, client, delivery.received_at)
        }
    }
}

/// Decides, and once more with newer secrets where no known one matched: whoever rotates a
/// secret may sign with it before we have heard of it.
async fn decide<S>(
    ingress: &Ingress<S>,
    delivery: RawDelivery,
    source: &Source,
) -> Result<Admitted, NotAdmitted> {
    let upstream = &*ingress.upstream;
    let decided = match judge(delivery, source, upstream).await {
        Err(NotAdmitted::Refused(refused))
            if refused.refusal == Refusal::Signature(SignatureRefusal::NoSecretMatches) =>
        {
            match ingress.sources.renew(source).await {
                Some(renewed) => judge(refused.delivery, &renewed, upstream).await,
                None => Err(NotAdmitted::Refused(refused)),
            }
        }
        decided => decided,
    };
    count_fetch(ingress, source, &decided);
    decided
}

/// Counts that a provider was asked what is true, and what came of it.
fn count_fetch<S>(ingress: &Ingress<S>, source: &Source, decided: &Result<Admitted, NotAdmitted>) {
    let result = match decided {
        Ok(admitted) if admitted.vouched() == Vouched::Fetched => "found",
        Err(NotAdmitted::Refused(refused)) if refused.refusal == Refusal::UnknownToProvider => {
            "unknown"
        }
        Err(NotAdmitted::NotNow(_)) => "failed",
        Ok(_) | Err(NotAdmitted::Refused(_)) => return,
    };
    let labels = FetchLabels {
        source: source.name.to_string(),
        result: result.to_owned(),
    };
    ingress.metrics.truth_fetches.get_or_create(&labels).inc();
}

async fn take_custody<S: EventLog>(
    ingress: &Ingress<S>,
    admitted: Admitted,
    source: &Source,
    trace: TraceContext,
) -> Verdict {
    let labels = SecretLabels {
        source: source.name.to_string(),
        secret: admitted.secret_label().to_owned(),
    };
    let received_at = admitted.delivery().received_at;
    if admitted.is_masked() {
        warn!("card data in a webhook were written over before it is kept");
    }
    let rules = source.provider.rules();
    let kept = ingress
        .store
        .append_once(Custody {
            admitted,
            trace,
            rules,
        })
        .instrument(info_span!("append"));
    match tokio::time::timeout(ingress.options.custody_timeout, kept).await {
        Ok(Ok(appended)) => {
            count_secret(ingress, source, &labels, received_at);
            debug!(events = appended.events.len(), "custody taken");
            Verdict::Kept(appended, source.provider.spec().ack)
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

/// Counts the secret that proved a delivery, and notes when one was last used that is on its way
/// out: a rotation is over when it is used no more.
fn count_secret<S>(
    ingress: &Ingress<S>,
    source: &Source,
    labels: &SecretLabels,
    received_at: Timestamp,
) {
    ingress.metrics.secret_used.get_or_create(labels).inc();
    let is_old = source
        .secrets
        .iter()
        .any(|secret| secret.label() == labels.secret && secret.retires_at().is_some());
    if is_old {
        let seconds = received_at.as_millis().div_euclid(1000);
        ingress
            .metrics
            .old_secret_last_used
            .get_or_create(labels)
            .set(seconds);
    }
}

/// Keeps a refused delivery in quarantine. The sender's answer does not depend on it: it is
/// refused either way, and a full queue must not turn a forgery into a 503.
async fn set_apart<S: Quarantine>(
    ingress: &Ingress<S>,
    refused: Refused,
    judged: &Source,
    trace: TraceId,
) {
    let reason = QuarantineReason::from(refused.refusal);
    let source = refused.delivery.source.to_string();
    warn!(refusal = %refused.refusal, "delivery refused and set apart");
    if let Some(explainer) = &ingress.options.explainer {
        explainer.take(&refused, judged, || ingress.sources.known());
    }
    // Of nobody knows whom nothing is kept that must not be kept of anybody.
    let refused = refused.without_card_data(judged);
    let delivery = QuarantinedDelivery {
        delivery: refused.delivery,
        reason,
        trace,
    };
    let kept = ingress.store.quarantine(delivery);
    let kept = tokio::time::timeout(ingress.options.custody_timeout, kept).await;
    match kept.unwrap_or(Err(Unavailable::Overloaded)) {
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

/// Whether the body is compressed, or otherwise not what it will be. It is judged as it came and is
/// never unpacked, so that nothing of a few bytes can become a gigabyte here: who signs what they
/// compressed is understood, and nobody else.
fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    let is_plain = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    let mut encodings = encodings.iter().map(|value| value.as_bytes().trim_ascii());
    encodings.any(|value| !is_plain(value))
}

/// What a Braintree gateway wants to hear when it asks whether this endpoint is ours.
fn challenge(source: &Source, request: &Request, now: Timestamp) -> Option<String> {
    if request.method() != Method::GET || source.provider.id() != ProviderId::Braintree {
        return None;
    }
    let query = request.uri().query()?;
    let challenge = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("bt_challenge="))?;
    challenge_answer(challenge, &source.secrets, now)
}

fn keep_headers(headers: &HeaderMap, query: Option<&str>) -> Headers {
    // Header values are cheap to share: they are slices of the request's own buffer. They are
    // copied all the same, or a kept header would keep that whole buffer alive.
    let query = query.map(|query| (QUERY, Bytes::copy_from_slice(query.as_bytes())));
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes())));
    Headers::new(headers.chain(query))
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
    for (key, anomaly) in &appended.anomalies {
        let labels = AnomalyLabels {
            source: source.name.to_string(),
            anomaly: anomaly.as_str().to_owned(),
        };
        metrics.anomalies.get_or_create(&labels).inc();
        // What came late is what providers do every day; the others want somebody's eyes.
        if *anomaly == Anomaly::Late {
            debug!(source = %source.name, payment_id = key.payment_id, %anomaly, "told late");
        } else {
            warn!(source = %source.name, payment_id = key.payment_id, %anomaly, "a payment's events do not fit together");
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
