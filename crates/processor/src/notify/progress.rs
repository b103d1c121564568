//! How far one thing has been told: what `send_notifications` hands the workflow, and is handed
//! again. Pure.
//!
//! | state of an endpoint | when | what a redrive does |
//! |---|---|---|
//! | `pending` | it is tried when `dueAt` has come | nothing |
//! | `delivered` | it has it | nothing |
//! | `spent` | its attempts are spent | begins again |
//! | `disabled` | it was to be left alone when its turn came | begins again |
//! | `removed` | it is configured no more | nothing |

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::notification::{Attempted, DeliveryFailure, EndpointName, Schedule};
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::Reply;
use crate::digest;

/// How far one thing has been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What the workflow does next.
    pub next: Next,
    /// How long it waits before that, in seconds.
    pub wait_seconds: u64,
    /// How often the execution had been redriven when its endpoints were last taken up.
    pub redrive_count: u64,
    /// Rounds in a row that found no place.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub put_off: u32,
    /// Each endpoint that is to be told.
    pub endpoints: BTreeMap<EndpointName, Delivery>,
}

/// What follows a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    /// Another one, later.
    Wait,
    /// Nothing: all have it.
    Done,
    /// Nothing: something else has become of the payment since, which is told by itself.
    Superseded,
    /// A person: not all have it.
    Undelivered,
}

/// How far one endpoint has been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts that were made since it was taken up.
    pub attempts: u32,
    /// When the next one may be made; `None` when none will.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<Timestamp>,
    /// Why it does not have it, as far as it does not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<DeliveryFailure>,
}

/// How an endpoint stands towards one thing; see the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is to be told.
    Pending,
    /// It has it.
    Delivered,
    /// Its attempts are spent.
    Spent,
    /// It was to be left alone when its turn came.
    Disabled,
    /// It is configured no more.
    Removed,
}

/// Shortest wait of the workflow, in seconds: a `Wait` has whole ones.
const WAIT_SECONDS_MIN: u64 = 1;

/// How long, in milliseconds, a round is put off at least when too many are made: at first, so that
/// a burst is told soon.
const PUT_OFF_MS_MIN: u64 = 1_000;

/// How often that is doubled while it stays so: a history holds 25,000 events, and each time costs
/// eight of them, so that half a minute is enough for more than a day.
const PUT_OFF_DOUBLINGS_MAX: u32 = 5;

impl Progress {
    /// Nobody has been told yet.
    pub fn begin(
        endpoints: impl IntoIterator<Item = EndpointName>,
        schedule: &Schedule,
        redrive_count: u64,
        now: Timestamp,
    ) -> Self {
        let pending = Delivery::pending(schedule.next(0, None, 0, now).unwrap_or(now));
        Self {
            next: Next::Wait,
            wait_seconds: 0,
            redrive_count,
            put_off: 0,
            endpoints: endpoints
                .into_iter()
                .map(|name| (name, pending.clone()))
                .collect(),
        }
        .concluded(now)
    }

    /// There is nobody to tell.
    pub fn nobody(redrive_count: u64) -> Self {
        Self {
            next: Next::Done,
            wait_seconds: 0,
            redrive_count,
            put_off: 0,
            endpoints: BTreeMap::new(),
        }
    }

    /// The same, told no more.
    pub fn superseded(self) -> Self {
        Self {
            next: Next::Superseded,
            wait_seconds: 0,
            ..self
        }
    }

    /// Takes those up again that were given up, if the execution was redriven since.
    pub fn taken_up(mut self, redrive_count: u64, now: Timestamp) -> Self {
        if redrive_count > self.redrive_count {
            for delivery in self.endpoints.values_mut() {
                if delivery.state.is_given_up() {
                    *delivery = Delivery::pending(now);
                }
            }
            self.redrive_count = redrive_count;
        }
        self
    }

    /// Those whose time has come.
    pub fn due(&self, now: Timestamp) -> Vec<EndpointName> {
        let is_due = |delivery: &Delivery| {
            delivery.state == DeliveryState::Pending && delivery.due_at.is_none_or(|due| due <= now)
        };
        let all = self.endpoints.iter();
        all.filter(|(_, delivery)| is_due(delivery))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Notes what an attempt came to.
    pub fn attempted(
        &mut self,
        name: &EndpointName,
        reply: Reply,
        schedule: &Schedule,
        now: Timestamp,
    ) {
        let Some(delivery) = self.endpoints.get_mut(name) else {
            return;
        };
        self.put_off = 0;
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.error = reply.result.failure();
        delivery.due_at = None;
        delivery.state = match reply.result {
            Attempted::Delivered => DeliveryState::Delivered,
            Attempted::Gone => DeliveryState::Disabled,
            Attempted::Failed(_) => {
                let attempts = delivery.attempts;
                let luck = luck(name, attempts, now);
                delivery.due_at = schedule.next(attempts, reply.retry_after, luck, now);
                match delivery.due_at {
                    Some(_) => DeliveryState::Pending,
                    None => DeliveryState::Spent,
                }
            }
        };
    }

    /// Notes that an endpoint will not be tried: it is to be left alone, or is there no more.
    pub fn given_up(&mut self, name: &EndpointName, state: DeliveryState) {
        if let Some(delivery) = self.endpoints.get_mut(name) {
            delivery.state = state;
            delivery.due_at = None;
        }
    }

    /// Puts those off whose time has come: others are told now. No attempt is spent.
    pub fn put_off(&mut self, names: &[EndpointName], now: Timestamp) {
        let least = PUT_OFF_MS_MIN << self.put_off.min(PUT_OFF_DOUBLINGS_MAX);
        self.put_off = self.put_off.saturating_add(1);
        for name in names {
            if let Some(delivery) = self.endpoints.get_mut(name) {
                let spread = luck(name, delivery.attempts, now) % least;
                delivery.due_at = Some(now.after(Millis::new(least + spread)));
            }
        }
    }

    /// Puts one off that is not called before `until`. No attempt is spent. Those who wait for one
    /// endpoint come back one after the other, within as long again.
    pub fn rested(&mut self, name: &EndpointName, until: Timestamp, now: Timestamp) {
        if let Some(delivery) = self.endpoints.get_mut(name) {
            let within = until.since(now).get().max(PUT_OFF_MS_MIN);
            let spread = luck(name, delivery.attempts, now) % within;
            delivery.due_at = Some(until.after(Millis::new(spread)));
        }
    }

    /// Works out what follows.
    pub fn concluded(mut self, now: Timestamp) -> Self {
        let all = || self.endpoints.values();
        let earliest = all().filter_map(|delivery| delivery.due_at).min();
        (self.next, self.wait_seconds) = match earliest {
            Some(due) => {
                let seconds = due.since(now).get().div_ceil(1000);
                (Next::Wait, seconds.max(WAIT_SECONDS_MIN))
            }
            None if all().any(|delivery| delivery.state.is_given_up()) => (Next::Undelivered, 0),
            None => (Next::Done, 0),
        };
        self
    }

    /// Who does not have it and why, for the person who is asked.
    pub fn undelivered(&self) -> String {
        let mut text = String::from("not delivered to ");
        let mut separator = "";
        for (name, delivery) in &self.endpoints {
            if !delivery.state.is_given_up() {
                continue;
            }
            let why = match (delivery.state, delivery.error) {
                (DeliveryState::Disabled, None) => "disabled".to_owned(),
                (DeliveryState::Disabled, Some(error)) => format!("disabled, {}", error.code()),
                (_, Some(error)) => error.code(),
                (_, None) => "never tried".to_owned(),
            };
            let attempts = delivery.attempts;
            // Writing to a text cannot fail.
            let _ = write!(text, "{separator}{name} ({why}, attempts: {attempts})");
            separator = ", ";
        }
        text
    }
}

impl Delivery {
    const fn pending(due_at: Timestamp) -> Self {
        Self {
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: Some(due_at),
            error: None,
        }
    }
}

impl DeliveryState {
    /// The stable word, as it stands in the progress.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Spent => "spent",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }

    /// Whether it does not have it and will not, unless a person says so.
    pub const fn is_given_up(self) -> bool {
        match self {
            Self::Spent | Self::Disabled => true,
            Self::Pending | Self::Delivered | Self::Removed => false,
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What spreads attempts that would otherwise fall together. Two executions that failed in one
/// millisecond stay together, which is two.
fn luck(name: &EndpointName, attempts: u32, now: Timestamp) -> u64 {
    digest::number(digest::of(&[
        b"payhook/notify/luck/1",
        name.as_str().as_bytes(),
        &attempts.to_be_bytes(),
        &now.as_millis().to_be_bytes(),
    ]))
}
