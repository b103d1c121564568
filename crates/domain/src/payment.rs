//! A payment, as all events about it tell it: a projection that no order of arrival can change.
//!
//! Everything is worked out from the *set* of what was told, so any permutation and duplication of
//! a payment's deliveries ends in the same payment. Its status goes back in three cases only, each
//! of them money that moved back or on: a capture that failed, a refund that failed, and a further
//! capture after everything before it was refunded. What looks wrong on the way is an [`Anomaly`],
//! for people to see; it changes nothing.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::event::EventKey;
use crate::meaning::{DisputeOutcome, Fact, Meaning, MinorUnits, RefundOutcome};
use crate::status::PaymentStatus;

/// What a provider does differently from the ranks of [`PaymentStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentRules {
    /// A payment that failed may still be paid: the same one is tried again (Stripe's
    /// PaymentIntent), so what was captured outranks what failed.
    pub may_succeed_after_failure: bool,
    /// A payment that was canceled or has expired may still be paid: money that came late.
    pub may_succeed_after_end: bool,
}

/// One event as a projection sees it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Which event.
    pub key: &'a EventKey,
    /// What it means.
    pub meaning: &'a Meaning,
    /// The currency's code.
    pub currency: &'a str,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Where it stands; `None` when no event says.
    pub status: Option<PaymentStatus>,
    /// The money of the payment itself: the largest sum captured, or else spoken of.
    pub amount: Option<Sum>,
    /// What went back.
    pub refunded: Option<Sum>,
    /// What is disputed and not won.
    pub disputed: Option<Sum>,
    /// What does not fit together, each once, in a fixed order.
    pub anomalies: Vec<Anomaly>,
    /// How many different events it was told by.
    pub events: usize,
}

/// A sum in one currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    /// The currency's code.
    pub currency: String,
    /// Decimal places of one unit.
    pub exponent: u8,
    /// The provider's minor units.
    pub units: i64,
}

/// Something that people should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// Two ends that exclude each other were told, and no rule of the provider says which holds.
    Tie,
    /// A capture was told and taken back.
    CaptureFailed,
    /// Events of one payment speak of different currencies, or of different exponents of one.
    CurrencyDiffers,
    /// More went back than was taken.
    RefundExceedsPayment,
    /// Sums do not fit into what they are counted with.
    SumOutOfRange,
    /// Captures of different sums were told.
    AmountDiffers,
    /// An event told less than what was known already: it came late or again.
    Late,
    /// The same event key came with other bytes.
    Conflict,
}

impl Anomaly {
    /// Every anomaly.
    pub const ALL: [Self; 8] = [
        Self::Tie,
        Self::CaptureFailed,
        Self::CurrencyDiffers,
        Self::RefundExceedsPayment,
        Self::SumOutOfRange,
        Self::AmountDiffers,
        Self::Late,
        Self::Conflict,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tie => "tie",
            Self::CaptureFailed => "capture_failed",
            Self::CurrencyDiffers => "currency_differs",
            Self::RefundExceedsPayment => "refund_exceeds_payment",
            Self::SumOutOfRange => "sum_out_of_range",
            Self::AmountDiffers => "amount_differs",
            Self::Late => "late",
            Self::Conflict => "conflict",
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PaymentRules {
    /// The ranks as they are.
    pub const STRICT: Self = Self {
        may_succeed_after_failure: false,
        may_succeed_after_end: false,
    };

    /// Rank within the ends that share one: higher wins. Equal ones that differ are a tie.
    fn precedence(self, status: PaymentStatus) -> u8 {
        match status {
            PaymentStatus::Captured => 1,
            PaymentStatus::Failed if self.may_succeed_after_failure => 0,
            PaymentStatus::Canceled | PaymentStatus::Expired if self.may_succeed_after_end => 0,
            PaymentStatus::Created
            | PaymentStatus::Pending
            | PaymentStatus::RequiresAction
            | PaymentStatus::Authorized
            | PaymentStatus::Failed
            | PaymentStatus::Canceled
            | PaymentStatus::Expired
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded
            | PaymentStatus::Disputed
            | PaymentStatus::DisputeWon
            | PaymentStatus::DisputeLost => 1,
        }
    }
}

/// Works a payment out of everything that was told of it, in any order and however often.
pub fn project<'a>(rules: PaymentRules, told: impl IntoIterator<Item = Told<'a>>) -> Payment {
    let mut events: BTreeMap<&EventKey, Told<'a>> = BTreeMap::new();
    for each in told {
        // The first of a key is the event; what came later under it is a conflict, kept apart.
        events.entry(each.key).or_insert(each);
    }
    let mut view = View {
        rules,
        anomalies: BTreeSet::new(),
    };
    let failed: BTreeSet<&str> = events
        .values()
        .filter(|told| told.meaning.fact == Fact::CaptureFailed)
        .filter_map(|told| told.meaning.operation.as_deref())
        .collect();
    let all: Vec<&Told<'a>> = events.values().collect();
    let stands = |told: &&&Told<'a>| !is_taken_back(told, &failed);
    let standing: Vec<&Told<'a>> = all.iter().filter(stands).copied().collect();
    let status = view.payment_status(&standing);
    let amount = view.amount(&standing);
    let taken = view.captured(&standing);
    let refunded = view.refunded(&all);
    let (disputes, disputed) = view.disputes(&all);
    let status = view.overall(status, taken.as_ref(), refunded.as_ref(), disputes);
    Payment {
        status,
        amount,
        refunded,
        disputed,
        anomalies: view.anomalies.into_iter().collect(),
        events: events.len(),
    }
}

/// The anomalies that `new` brings to what `known` tells, its own lateness included: what is told
/// when it arrives.
pub fn anomalies_of<'a>(rules: PaymentRules, known: &[Told<'a>], new: Told<'a>) -> Vec<Anomaly> {
    if known.iter().any(|each| each.key == new.key) {
        return Vec::new();
    }
    let before = project(rules, known.iter().copied());
    let after = project(rules, known.iter().copied().chain([new]));
    let mut fresh: Vec<Anomaly> = after
        .anomalies
        .iter()
        .filter(|anomaly| !before.anomalies.contains(anomaly))
        .copied()
        .collect();
    if let (Fact::Payment { status }, Some(held)) = (&new.meaning.fact, before.status)
        && status.rank() < held.rank()
        && after.status == before.status
    {
        fresh.push(Anomaly::Late);
    }
    fresh
}

/// Whether this is a capture that was taken back.
fn is_taken_back(told: &Told<'_>, failed: &BTreeSet<&str>) -> bool {
    let is_capture = matches!(
        told.meaning.fact,
        Fact::Payment {
            status: PaymentStatus::Captured
        }
    );
    is_capture
        && told
            .meaning
            .operation
            .as_deref()
            .is_some_and(|operation| failed.contains(operation))
}

struct View {
    rules: PaymentRules,
    anomalies: BTreeSet<Anomaly>,
}

impl View {
    fn payment_status(&mut self, standing: &[&Told<'_>]) -> Option<PaymentStatus> {
        let mut statuses: Vec<PaymentStatus> = standing
            .iter()
            .filter_map(|told| match told.meaning.fact {
                Fact::Payment { status } => Some(status),
                Fact::CaptureFailed
                | Fact::Refund { .. }
                | Fact::RefundedTotal
                | Fact::Dispute { .. }
                | Fact::Other
                | Fact::Unreadable { .. } => None,
            })
            .collect();
        if standing
            .iter()
            .any(|told| told.meaning.fact == Fact::CaptureFailed)
        {
            self.anomalies.insert(Anomaly::CaptureFailed);
            // Another capture that stands makes the one that failed a thing of the past.
            if !statuses.contains(&PaymentStatus::Captured) {
                statuses.push(PaymentStatus::Failed);
            }
        }
        let rules = self.rules;
        let order = |status: &PaymentStatus| (status.rank(), rules.precedence(*status));
        let best = statuses.iter().map(order).max()?;
        let mut highest: Vec<PaymentStatus> = statuses
            .into_iter()
            .filter(|status| order(status) == best)
            .collect();
        highest.sort_by_key(|status| status.as_str());
        highest.dedup();
        if highest.len() > 1 {
            self.anomalies.insert(Anomaly::Tie);
        }
        // Of ends that exclude each other, money that was taken is the one not to lose sight of.
        highest
            .iter()
            .find(|status| **status == PaymentStatus::Captured)
            .or(highest.first())
            .copied()
    }

    fn amount(&mut self, standing: &[&Told<'_>]) -> Option<Sum> {
        let sums = |wanted: &dyn Fn(PaymentStatus) -> bool| -> Vec<Sum> {
            let of_payment = standing.iter().filter(|told| match told.meaning.fact {
                Fact::Payment { status } => wanted(status),
                Fact::CaptureFailed
                | Fact::Refund { .. }
                | Fact::RefundedTotal
                | Fact::Dispute { .. }
                | Fact::Other
                | Fact::Unreadable { .. } => false,
            });
            of_payment.filter_map(|told| sum_of(told)).collect()
        };
        let spoken_of = sums(&|_| true);
        self.one_currency(&spoken_of);
        let largest = |sums: Vec<Sum>| {
            sums.into_iter()
                .max_by_key(|sum| (sum.units, sum.currency.clone()))
        };
        self.captured(standing).or_else(|| largest(spoken_of))
    }

    /// What was taken: the sum of the captures that have names of their own, or what the payment
    /// as a whole is said to have brought, whichever is more.
    fn captured(&mut self, standing: &[&Told<'_>]) -> Option<Sum> {
        let mut whole: BTreeSet<Sum> = BTreeSet::new();
        let mut parts: BTreeMap<&str, Sum> = BTreeMap::new();
        for told in standing {
            let is_capture = told.meaning.fact
                == Fact::Payment {
                    status: PaymentStatus::Captured,
                };
            let Some(sum) = sum_of(told).filter(|_| is_capture) else {
                continue;
            };
            match told.meaning.operation.as_deref() {
                None => {
                    whole.insert(sum);
                }
                Some(capture) => {
                    let kept = parts.entry(capture).or_insert_with(|| sum.clone());
                    if *kept != sum {
                        self.anomalies.insert(Anomaly::AmountDiffers);
                    }
                    if sum > *kept {
                        *kept = sum;
                    }
                }
            }
        }
        if whole.len() > 1 {
            self.anomalies.insert(Anomaly::AmountDiffers);
        }
        let parts: Vec<Sum> = parts.into_values().collect();
        let added = self.add(&parts);
        whole
            .into_iter()
            .chain(added)
            .max_by_key(|sum| (sum.units, sum.currency.clone()))
    }

    fn refunded(&mut self, all: &[&Told<'_>]) -> Option<Sum> {
        // One refund is told several times as it goes on: its furthest state counts, once.
        let mut refunds: BTreeMap<String, (RefundOutcome, Sum)> = BTreeMap::new();
        let mut totals = Vec::new();
        for told in all {
            let Some(sum) = sum_of(told) else { continue };
            match told.meaning.fact {
                Fact::RefundedTotal => totals.push(sum),
                Fact::Refund { outcome } => {
                    let id = told
                        .meaning
                        .operation
                        .clone()
                        .unwrap_or_else(|| told.key.to_string());
                    let kept = refunds.entry(id).or_insert_with(|| (outcome, sum.clone()));
                    if (order_of(outcome), &sum) > (order_of(kept.0), &kept.1) {
                        *kept = (outcome, sum);
                    }
                }
                Fact::Payment { .. }
                | Fact::CaptureFailed
                | Fact::Dispute { .. }
                | Fact::Other
                | Fact::Unreadable { .. } => {}
            }
        }
        let succeeded: Vec<Sum> = refunds
            .into_values()
            .filter(|(outcome, _)| *outcome == RefundOutcome::Succeeded)
            .map(|(_, sum)| sum)
            .collect();
        let added = self.add(&succeeded);
        self.one_currency(&totals);
        let total = totals
            .into_iter()
            .max_by_key(|sum| (sum.units, sum.currency.clone()));
        match (added, total) {
            (Some(added), Some(total)) => Some(if total.units >= added.units {
                total
            } else {
                added
            }),
            (added, total) => added.or(total),
        }
    }

    fn disputes(&mut self, all: &[&Told<'_>]) -> (Option<DisputeOutcome>, Option<Sum>) {
        let mut disputes: BTreeMap<String, (DisputeOutcome, Option<Sum>)> = BTreeMap::new();
        for told in all {
            let Fact::Dispute { outcome } = told.meaning.fact else {
                continue;
            };
            let id = told.meaning.operation.clone().unwrap_or_default();
            let sum = sum_of(told);
            let kept = disputes.entry(id).or_insert_with(|| (outcome, sum.clone()));
            let is_tie = kept.0 != outcome
                && kept.0 != DisputeOutcome::Open
                && outcome != DisputeOutcome::Open;
            if is_tie {
                self.anomalies.insert(Anomaly::Tie);
            }
            if dispute_order(outcome) > dispute_order(kept.0) {
                kept.0 = outcome;
            }
            if sum > kept.1 {
                kept.1 = sum;
            }
        }
        let worst = disputes
            .values()
            .map(|(outcome, _)| *outcome)
            .max_by_key(|outcome| match outcome {
                DisputeOutcome::Won => 0,
                DisputeOutcome::Open => 1,
                DisputeOutcome::Lost => 2,
            });
        let open: Vec<Sum> = disputes
            .into_values()
            .filter(|(outcome, _)| *outcome != DisputeOutcome::Won)
            .filter_map(|(_, sum)| sum)
            .collect();
        (worst, self.add(&open))
    }

    fn overall(
        &mut self,
        status: Option<PaymentStatus>,
        taken: Option<&Sum>,
        refunded: Option<&Sum>,
        dispute: Option<DisputeOutcome>,
    ) -> Option<PaymentStatus> {
        let refund = refunded.filter(|sum| sum.units > 0).map(|refunded| {
            let of_all = taken.filter(|sum| sum.currency == refunded.currency);
            match of_all {
                Some(all) if refunded.units > all.units => {
                    self.anomalies.insert(Anomaly::RefundExceedsPayment);
                    PaymentStatus::Refunded
                }
                Some(all) if refunded.units == all.units => PaymentStatus::Refunded,
                Some(_) | None => PaymentStatus::PartiallyRefunded,
            }
        });
        let dispute = dispute.map(|outcome| match outcome {
            DisputeOutcome::Open => PaymentStatus::Disputed,
            DisputeOutcome::Won => PaymentStatus::DisputeWon,
            DisputeOutcome::Lost => PaymentStatus::DisputeLost,
        });
        [status, refund, dispute]
            .into_iter()
            .flatten()
            .max_by_key(|status| status.rank())
    }

    fn one_currency(&mut self, sums: &[Sum]) {
        let differs = sums.windows(2).any(|pair| match pair {
            [one, other] => (&one.currency, one.exponent) != (&other.currency, other.exponent),
            _ => false,
        });
        if differs {
            self.anomalies.insert(Anomaly::CurrencyDiffers);
        }
    }

    /// The sum of those in the currency of the largest; the others are an anomaly and not added.
    fn add(&mut self, sums: &[Sum]) -> Option<Sum> {
        self.one_currency(sums);
        let largest = sums
            .iter()
            .max_by_key(|sum| (sum.units, sum.currency.clone()))?;
        let mut total = Sum {
            units: 0,
            ..largest.clone()
        };
        let same =
            |sum: &&Sum| (&sum.currency, sum.exponent) == (&largest.currency, largest.exponent);
        for sum in sums.iter().filter(same) {
            match total.units.checked_add(sum.units) {
                Some(units) => total.units = units,
                None => {
                    self.anomalies.insert(Anomaly::SumOutOfRange);
                    total.units = i64::MAX;
                }
            }
        }
        Some(total)
    }
}

fn sum_of(told: &Told<'_>) -> Option<Sum> {
    let MinorUnits {
        units, exponent, ..
    } = told.meaning.money?;
    Some(Sum {
        currency: told.currency.to_owned(),
        exponent,
        units,
    })
}

fn order_of(outcome: RefundOutcome) -> u8 {
    match outcome {
        RefundOutcome::Pending => 0,
        RefundOutcome::Succeeded => 1,
        // A refund that failed after it was told as done came back.
        RefundOutcome::Failed => 2,
    }
}

fn dispute_order(outcome: DisputeOutcome) -> u8 {
    match outcome {
        DisputeOutcome::Open => 0,
        DisputeOutcome::Won => 1,
        DisputeOutcome::Lost => 2,
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = usize::from(self.exponent);
        let width = exponent.saturating_add(1);
        let digits = alloc::format!("{:0width$}", self.units);
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(exponent));
        formatter.write_str(whole)?;
        if !fraction.is_empty() {
            write!(formatter, ".{fraction}")?;
        }
        write!(formatter, " {}", self.currency)
    }
}

#[cfg(test)]
mod tests;
