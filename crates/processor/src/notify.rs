//! Telling the user's own application what became of a payment: signed as Standard Webhooks has
//! it, to every endpoint that is configured, until each has it or its attempts are spent.
//!
//! The task `send_notifications` makes one round and says in its [`progress`] who is still to be
//! told and when; the workflow waits and comes back ([`workflow`]). So what was delivered is
//! durable before anything else happens, and no crash or failure of one endpoint has another told
//! again. What is sent keeps its id however often it is sent.
//!
//! The world is behind two ports: a [`Courier`] carries letters, an [`EndpointBook`] remembers how
//! endpoints fare.

mod courier;
pub mod progress;
mod traffic;
pub mod workflow;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::notification::{
    Attempted, DeliveryFailure, EndpointName, Health, Message, Outcome, Schedule,
};
use domain::record::EventRecord;
use domain::signature::{StandardHeaders, StandardSigner};
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};

use self::traffic::{Round, Traffic};
use crate::http_client::Target;
use crate::records::RecordsUnavailable;
use crate::trace;

/// A future of a port that is kept behind a pointer.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever carries letters.
pub trait Courier: Send + Sync {
    /// Carries a letter and says what came of it. Never fails: that it did not arrive is an
    /// answer. May be dropped at any await; whether it arrived is then unknown.
    fn carry<'a>(&'a self, letter: Letter<'a>) -> PortFuture<'a, Reply>;
}

/// Whoever remembers how endpoints fare.
pub trait EndpointBook: Send + Sync {
    /// How an endpoint fares.
    ///
    /// # Errors
    /// It cannot be said now; asking again is safe.
    fn health(&self, endpoint: &EndpointName) -> Result<Health, RecordsUnavailable>;

    /// Notes what an attempt came to; `disable_after` is how long an endpoint may go on failing.
    /// A note that is lost makes an endpoint look better or worse than it is until the next one.
    fn note<'a>(
        &'a self,
        endpoint: &'a EndpointName,
        result: Attempted,
        disable_after: Millis,
        now: Timestamp,
    ) -> PortFuture<'a, ()>;
}

/// One message on its way to one endpoint.
#[derive(Debug)]
pub struct Letter<'a> {
    /// Where it goes.
    pub target: &'a Target,
    /// What proves who sends it.
    pub headers: StandardHeaders,
    /// The W3C `traceparent` of this attempt.
    pub traceparent: String,
    /// The JSON text.
    pub body: String,
    /// When the attempt begins.
    pub now: Timestamp,
    /// When the answer stops being waited for, if the target's own time is not over before.
    pub deadline: Timestamp,
}

/// What came of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// What the attempt came to.
    pub result: Attempted,
    /// How long the endpoint asked to be left alone.
    pub retry_after: Option<Millis>,
}

/// One endpoint of the user's own.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it is, and how long it may take.
    pub target: Target,
    /// What signs for it.
    pub signer: StandardSigner,
    /// What it wants to be told.
    pub wants: Wants,
}

/// What an endpoint wants to be told. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Only of events of these sources; `None` for all.
    pub sources: Option<BTreeSet<SourceName>>,
    /// Only of these outcomes; `None` for all.
    pub outcomes: Option<BTreeSet<Outcome>>,
}

/// How endpoints are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// When they are tried again.
    pub schedule: Schedule,
    /// How long one may go on failing before it is left alone.
    pub disable_after: Millis,
    /// Most rounds at once: fewer than tasks may run at once, so that endpoints that hang never
    /// hold up payments.
    pub rounds_max: usize,
}

/// Everything that telling takes.
pub struct Notifier {
    endpoints: BTreeMap<EndpointName, Endpoint>,
    manner: Manner,
    courier: Arc<dyn Courier>,
    book: Arc<dyn EndpointBook>,
    traffic: Traffic,
}

/// Where an attempt stands: what makes its span, and until when it may last.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Who makes it: an execution's name, or whoever replays.
    pub by: &'a str,
    /// How many attempts were made before.
    pub attempts: u32,
    /// Now.
    pub now: Timestamp,
    /// When it must be over.
    pub deadline: Timestamp,
}

impl Wants {
    /// Whether it wants to be told of a record's end.
    pub fn includes(&self, source: &SourceName, outcome: Outcome) -> bool {
        let of_source = self.sources.as_ref();
        let of_outcome = self.outcomes.as_ref();
        of_source.is_none_or(|sources| sources.contains(source))
            && of_outcome.is_none_or(|outcomes| outcomes.contains(&outcome))
    }
}

impl Notifier {
    /// A notifier of these endpoints.
    pub fn new(
        endpoints: BTreeMap<EndpointName, Endpoint>,
        manner: Manner,
        courier: Arc<dyn Courier>,
        book: Arc<dyn EndpointBook>,
    ) -> Self {
        Self {
            endpoints,
            manner,
            courier,
            book,
            traffic: Traffic::default(),
        }
    }

    /// The endpoints by name.
    pub fn endpoints(&self) -> &BTreeMap<EndpointName, Endpoint> {
        &self.endpoints
    }

    /// How they are told.
    pub(crate) fn manner(&self) -> &Manner {
        &self.manner
    }

    /// How an endpoint fares.
    ///
    /// # Errors
    /// As [`EndpointBook::health`].
    pub fn health(&self, endpoint: &EndpointName) -> Result<Health, RecordsUnavailable> {
        self.book.health(endpoint)
    }

    /// The right to make a round; `None` while as many as may be are made.
    pub(crate) fn begin_round(&self) -> Option<Round<'_>> {
        self.traffic.begin(self.manner.rounds_max)
    }

    /// Until when an endpoint that fares so is not called: it rests after failures, and may have
    /// asked to be left alone. `None` when it may be called.
    pub(crate) fn rests_until(
        &self,
        name: &EndpointName,
        health: Health,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let asked = self.traffic.asked_until(name);
        let until = asked.max(health.rests_until());
        until.filter(|until| *until > now)
    }

    /// Makes one attempt to tell one endpoint what became of a record, and has it noted. `None`
    /// when there is no such endpoint, or nothing to tell yet.
    pub async fn tell(
        &self,
        record: &EventRecord,
        name: &EndpointName,
        occasion: Occasion<'_>,
    ) -> Option<Reply> {
        let endpoint = self.endpoints.get(name)?;
        let message = Message::new(record, name)?;
        let id = message.id.clone();
        let reply = self.send(endpoint, message, record, occasion).await;
        let result = reply.result;
        let failure = result.failure().map(DeliveryFailure::code);
        tracing::info!(
            endpoint = %name,
            webhook_id = %id,
            outcome = result.as_str(),
            failure = failure.as_deref().unwrap_or_default(),
            attempt = occasion.attempts.saturating_add(1),
            trace_id = %record.trace.id,
            "an endpoint was told"
        );
        let asked = reply.retry_after.map(|asked| occasion.now.after(asked));
        self.traffic.asked(name, asked);
        // That we have no key says nothing of the endpoint, which was not called.
        if result != Attempted::Failed(DeliveryFailure::NoLiveKey) {
            self.book
                .note(name, result, self.manner.disable_after, occasion.now)
                .await;
        }
        Some(reply)
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        message: Message,
        record: &EventRecord,
        occasion: Occasion<'_>,
    ) -> Reply {
        let Message { id, body } = message;
        let Some(headers) = endpoint.signer.sign(&id, body.as_bytes(), occasion.now) else {
            return Reply {
                result: Attempted::Failed(DeliveryFailure::NoLiveKey),
                retry_after: None,
            };
        };
        let traceparent = trace::parent_of(
            record.trace.id,
            &[
                occasion.by.as_bytes(),
                id.as_bytes(),
                &occasion.attempts.to_be_bytes(),
            ],
        );
        let letter = Letter {
            target: &endpoint.target,
            headers,
            traceparent,
            body,
            now: occasion.now,
            deadline: occasion.deadline,
        };
        self.courier.carry(letter).await
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Notifier")
            .field("endpoints", &self.endpoints)
            .field("manner", &self.manner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_told_what_it_wants_to_be_told() {
        let generic = SourceName::generic();
        let shop = SourceName::try_new("shop").unwrap();
        let of_shop = Wants {
            sources: Some([shop.clone()].into()),
            outcomes: None,
        };
        let of_failures = Wants {
            sources: None,
            outcomes: Some([Outcome::Failed].into()),
        };
        let neither = Wants {
            outcomes: Some(BTreeSet::new()),
            ..of_shop.clone()
        };
        for (wants, expected) in [
            (Wants::default(), [true, true, true, true]),
            (of_shop, [false, false, true, true]),
            (of_failures, [false, true, false, true]),
            (neither, [false, false, false, false]),
        ] {
            let found = [&generic, &shop]
                .into_iter()
                .flat_map(|source| Outcome::ALL.map(|outcome| wants.includes(source, outcome)));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{wants:?}");
        }
    }
}
