//! What every reader needs: an event put together piece by piece, and money in the provider's own
//! units. Nothing here refuses: what makes no sense is said, and the event is kept for a person.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::currency::Currency;
use crate::delivery::{HeaderValue, RawDelivery};
use crate::event::{EventId, EventKey, PaymentEvent};
use crate::json::Object;
use crate::limits;
use crate::meaning::{Fact, Meaning, MinorUnits, RefundOutcome};
use crate::money::{Amount, InvalidAmount};
use crate::time::Timestamp;

/// An amount with its currency, exact in both counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    pub(super) minor: MinorUnits,
}

/// An event on its way. What is not set is not told.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    delivery: &'a RawDelivery,
    provider: &'static str,
    event_type: String,
    event_id: Option<String>,
    payment_id: Option<String>,
    status: Option<String>,
    money: Option<Money>,
    fact: Fact,
    operation: Option<String>,
    occurred_at: Option<Timestamp>,
    live: Option<bool>,
    account: Option<String>,
    by_content: bool,
    problem: Option<String>,
}

/// Decimal places of a currency at a provider with these exceptions, and whether they are its own.
pub(super) fn exponent(currency: Currency, exceptions: &[(&str, u8)]) -> (u8, bool) {
    let own = exceptions.iter().find(|(code, _)| *code == currency.code());
    match own {
        Some((_, exponent)) => (*exponent, *exponent != currency.exponent()),
        None => (currency.exponent(), false),
    }
}

/// Money that is sent in whole minor units.
pub(super) fn minor(
    units: Option<&str>,
    code: Option<&str>,
    exceptions: &[(&str, u8)],
) -> Result<Option<Money>, &'static str> {
    let (Some(units), Some(code)) = (units, code) else {
        return Ok(None);
    };
    let currency = currency(code)?;
    let (exponent, is_providers_own) = exponent(currency, exceptions);
    // Whole numbers only; some senders write them as 1000.0 all the same.
    let units = Amount::parse(units)
        .map_err(of_amount)?
        .units(0)
        .ok_or("amount: not a whole number of minor units")?;
    let amount = Amount::of_minor(units, exponent).map_err(of_amount)?;
    Ok(Some(Money {
        amount,
        currency,
        minor: MinorUnits {
            units,
            exponent,
            is_providers_own,
        },
    }))
}

/// Money that is sent as a decimal in the major unit.
pub(super) fn major(
    decimal: Option<&str>,
    code: Option<&str>,
    exceptions: &[(&str, u8)],
) -> Result<Option<Money>, &'static str> {
    let (Some(decimal), Some(code)) = (decimal, code) else {
        return Ok(None);
    };
    let currency = currency(code)?;
    let (exponent, is_providers_own) = exponent(currency, exceptions);
    let amount = Amount::parse(decimal).map_err(of_amount)?;
    let units = amount
        .units(exponent)
        .ok_or("amount: more decimal places than the currency has")?;
    Ok(Some(Money {
        amount,
        currency,
        minor: MinorUnits {
            units,
            exponent,
            is_providers_own,
        },
    }))
}

fn currency(code: &str) -> Result<Currency, &'static str> {
    Currency::parse(&code.to_ascii_uppercase()).map_err(|_| "currency: none that is known")
}

fn of_amount(reason: InvalidAmount) -> &'static str {
    match reason {
        InvalidAmount::NotANumber => "amount: not a number",
        InvalidAmount::Negative => "amount: negative",
        InvalidAmount::OutOfRange => "amount: out of range",
    }
}

/// A time in whole seconds since 1970.
pub(super) fn seconds(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    let seconds: i64 = text?.parse().ok()?;
    Some(Timestamp::from_millis(seconds.checked_mul(1000)?))
}

/// A time in whole milliseconds since 1970.
pub(super) fn millis(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    Some(Timestamp::from_millis(text?.parse().ok()?))
}

/// A time in RFC 3339.
pub(super) fn iso(text: Option<Cow<'_, str>>) -> Option<Timestamp> {
    Timestamp::from_iso(&text?)
}

/// A header that stands there once, as text. Headers are not signed by most schemes: what stands
/// in one is a hint, and never an event's identity.
pub(super) fn header<'a>(delivery: &'a RawDelivery, name: &str) -> Option<&'a str> {
    match delivery.headers.one(name) {
        HeaderValue::Once(value) => core::str::from_utf8(value).ok(),
        HeaderValue::Missing | HeaderValue::Repeated => None,
    }
}

/// The events of a batch, so many of them as one delivery may carry; that there were more is told
/// too, because one signature over the whole of a batch vouches for any length.
pub(super) fn batch<T>(
    delivery: &RawDelivery,
    provider: &'static str,
    items: &[T],
    event: impl FnMut(&T) -> PaymentEvent,
) -> Vec<PaymentEvent> {
    let first = items.iter().take(limits::EVENTS_PER_DELIVERY_MAX);
    let mut events: Vec<PaymentEvent> = first.map(event).collect();
    if items.len() > limits::EVENTS_PER_DELIVERY_MAX {
        let problem = "more events than one delivery may carry";
        events.push(unreadable(delivery, provider, problem));
    }
    events
}

/// The event that says why the delivery cannot be read.
pub(super) fn unreadable(
    delivery: &RawDelivery,
    provider: &'static str,
    problem: &str,
) -> PaymentEvent {
    let unreadable = Reading::new(delivery, provider, "unreadable");
    unreadable.problem(problem).finish()
}

/// The body as an object, or the one event that says that it is none.
pub(super) fn body<'a>(
    delivery: &'a RawDelivery,
    provider: &'static str,
) -> Result<Object<'a>, Vec<PaymentEvent>> {
    let problem = "the body is no JSON object";
    Object::parse(&delivery.body)
        .ok_or_else(|| alloc::vec![unreadable(delivery, provider, problem)])
}

impl<'a> Reading<'a> {
    /// An event of this kind, in the provider's words. Without anything else it is
    /// [`Fact::Other`], told apart by the body's hash.
    pub(super) fn new(delivery: &'a RawDelivery, provider: &'static str, event_type: &str) -> Self {
        Self {
            delivery,
            provider,
            event_type: event_type.to_owned(),
            event_id: None,
            payment_id: None,
            status: None,
            money: None,
            fact: Fact::Other,
            operation: None,
            occurred_at: None,
            live: None,
            account: None,
            by_content: false,
            problem: None,
        }
    }

    /// The provider's own id of the event. It must be signed: one that is not would let whoever
    /// has seen a delivery send it again as another.
    pub(super) fn event_id(mut self, id: Option<impl AsRef<str>>) -> Self {
        self.event_id = id.map(|id| id.as_ref().to_owned());
        self
    }

    /// The payment that it is about, in the provider's words.
    pub(super) fn payment_id(mut self, id: Option<impl AsRef<str>>) -> Self {
        self.payment_id = id.map(|id| id.as_ref().to_owned());
        self
    }

    /// The payment's status in the provider's words; the event's type otherwise.
    pub(super) fn status(mut self, status: Option<impl AsRef<str>>) -> Self {
        self.status = status.map(|status| status.as_ref().to_owned());
        self
    }

    fn money(mut self, money: Result<Option<Money>, &'static str>) -> Self {
        match money {
            Ok(money) => self.money = money,
            Err(problem) => return self.problem(problem),
        }
        self
    }

    /// What it tells, at a provider that never speaks of money.
    pub(super) fn fact(mut self, fact: Fact) -> Self {
        self.fact = fact;
        self
    }

    /// What it tells, and how much. What moves no payment need not speak of money that we
    /// understand. Money that went back must be counted: without a sum it would move nothing, and
    /// nobody would see it.
    pub(super) fn tells(self, fact: Fact, money: Result<Option<Money>, &'static str>) -> Self {
        let money = match &fact {
            Fact::Other | Fact::Unreadable { .. } => money.or(Ok(None)),
            Fact::RefundedTotal
            | Fact::Refund {
                outcome: RefundOutcome::Succeeded,
            } => money.and_then(|money| money.map(Some).ok_or("the refund's amount is missing")),
            Fact::Refund {
                outcome: RefundOutcome::Pending | RefundOutcome::Failed,
            }
            | Fact::Payment { .. }
            | Fact::CaptureFailed
            | Fact::Dispute { .. } => money,
        };
        self.fact(fact).money(money)
    }

    /// The capture, refund or dispute that it is about.
    pub(super) fn operation(mut self, id: Option<impl AsRef<str>>) -> Self {
        self.operation = id.map(|id| id.as_ref().to_owned());
        self
    }

    /// When it happened.
    pub(super) fn occurred_at(mut self, when: Option<Timestamp>) -> Self {
        self.occurred_at = when;
        self
    }

    /// Whether real money moves.
    pub(super) fn live(mut self, live: Option<bool>) -> Self {
        self.live = live;
        self
    }

    /// The connected account or merchant.
    pub(super) fn account(mut self, account: Option<impl AsRef<str>>) -> Self {
        self.account = account.map(|account| account.as_ref().to_owned());
        self
    }

    /// One of several events in the body, told apart by ids of their own: it repeats by what it says.
    pub(super) fn by_content(mut self) -> Self {
        self.by_content = true;
        self
    }

    /// Says that it makes no sense; the first problem is kept.
    pub(super) fn problem(mut self, problem: &str) -> Self {
        self.problem.get_or_insert_with(|| problem.to_owned());
        self
    }

    /// The event. Whatever moves a payment must name it; whatever has a problem goes to a person.
    pub(super) fn finish(mut self) -> PaymentEvent {
        let event_id = self.event_id.take();
        let event_id = self.kept("the event's id", event_id, limits::FIELD_BYTES_MAX);
        let payment_id = self.payment_id.take();
        let payment_id = self.kept("the payment's id", payment_id, limits::PAYMENT_ID_BYTES_MAX);
        let moves = !matches!(self.fact, Fact::Other | Fact::Unreadable { .. });
        if moves && payment_id.is_none() {
            self = self.problem("the payment's id is missing");
        }
        let status = self.status.take();
        let status = self.kept("the status", status, limits::FIELD_BYTES_MAX);
        let operation = self.operation.take();
        let operation = self.kept("the operation's id", operation, limits::FIELD_BYTES_MAX);
        let account = self.account.take();
        let account = self.kept("the account", account, limits::FIELD_BYTES_MAX);
        let event_type = core::mem::take(&mut self.event_type);
        let event_type = self
            .kept(
                "the event's type",
                Some(event_type),
                limits::FIELD_BYTES_MAX,
            )
            .unwrap_or_else(|| "unknown".to_owned());
        let delivery = self.delivery;
        let fact = match self.problem.take() {
            Some(problem) => Fact::Unreadable { problem },
            None => self.fact,
        };
        PaymentEvent {
            key: EventKey {
                source: delivery.source.clone(),
                // The body is hashed only for what has no name: a batch would be hashed as often
                // as it has items.
                id: event_id.map_or_else(|| EventId::Body(delivery.body_hash()), EventId::Provider),
            },
            payment_id: payment_id.unwrap_or_else(|| unnamed(&delivery.body_hash().to_string())),
            amount: self.money.map_or(Amount::ZERO, |money| money.amount),
            currency: self.money.map_or(Currency::NONE, |money| money.currency),
            status: status.unwrap_or_else(|| event_type.clone()),
            provider: self.provider.to_owned(),
            meaning: Some(Meaning {
                event_type,
                fact,
                operation,
                money: self.money.map(|money| money.minor),
                occurred_at: self.occurred_at,
                live: self.live,
                account,
                by_content: self.by_content,
            }),
        }
    }

    /// A text as it can be kept: not empty, not too long, without control characters, which would
    /// forge log lines and table rows wherever it is printed.
    fn kept(&mut self, what: &str, text: Option<String>, bytes_max: usize) -> Option<String> {
        let text = text.filter(|text| !text.is_empty())?;
        let problem = if text.len() > bytes_max {
            "is too long"
        } else if text.chars().any(char::is_control) {
            "contains control characters"
        } else {
            return Some(text);
        };
        self.problem
            .get_or_insert_with(|| alloc::format!("{what} {problem}"));
        None
    }
}

/// What stands for the payment of an event that names none.
fn unnamed(hash: &str) -> String {
    alloc::format!("unnamed-{}", hash.get(..16).unwrap_or(hash))
}
