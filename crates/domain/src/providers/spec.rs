//! What is known of a provider, as data: the code that needs it and the documentation that is
//! generated from it read the same.

use alloc::vec::Vec;

use super::story::{Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::payment::PaymentRules;
use crate::signature::Scheme;

/// Everything that is known of a provider.
#[derive(Debug)]
pub struct Spec {
    /// The stable name: in configurations, records and metrics.
    pub name: &'static str,
    /// The name as people write it.
    pub title: &'static str,
    /// How its deliveries prove their sender.
    pub scheme: fn(&Settings) -> Result<Scheme, InvalidSettings>,
    /// How its deliveries are read. Never refuses, but for the generic source.
    pub read: fn(&RawDelivery, &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal>,
    /// A realistic delivery, before it is signed; `None` for an occasion that it has no event for.
    pub sample: fn(&Story) -> Option<Sample>,
    /// What it expects to be answered.
    pub ack: Ack,
    /// How it counts money.
    pub amounts: Amounts,
    /// Currencies whose decimal places differ from ISO 4217's.
    pub exponents: &'static [(&'static str, u8)],
    /// How its payments move.
    pub rules: PaymentRules,
    /// What people are told of it.
    pub facts: Facts,
}

/// What a provider expects to be answered once its delivery is in custody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Any 2xx; the body is our own.
    Any2xx,
    /// 200 with exactly this text as the body.
    Text(&'static str),
}

/// How a provider counts money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amounts {
    /// In whole minor units.
    Minor,
    /// As a decimal in the major unit.
    Major,
    /// It sends none.
    None,
}

/// What a provider's documentation says, for ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The headers that matter, as the provider writes them.
    pub header: &'static str,
    /// Algorithm, encoding and key.
    pub algorithm: &'static str,
    /// The exact signed bytes.
    pub signed: &'static str,
    /// How old a signature may be.
    pub tolerance: &'static str,
    /// What makes a repeat a repeat.
    pub dedupe: &'static str,
    /// Where payment, amount, currency and status stand.
    pub fields: &'static str,
    /// How it tries again, and what it does to those who fail.
    pub retries: &'static str,
    /// Where all of this is from.
    pub sources: &'static [&'static str],
    /// How well our verifier is proved.
    pub evidence: Evidence,
    /// What nobody official has confirmed; empty when there is nothing.
    pub unconfirmed: &'static str,
}

/// How well a verifier is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Signatures that the provider, its SDKs or its documents have published.
    PublishedVectors,
    /// An SDK of the provider agrees with us, in our own tests.
    SdkCrossCheck,
    /// A library that is not the provider's agrees with us, in our own tests.
    IndependentLibrary,
    /// Only the documentation says so.
    DocumentationOnly,
}

impl Evidence {
    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PublishedVectors => "published vectors",
            Self::SdkCrossCheck => "SDK cross-check",
            Self::IndependentLibrary => "independent library",
            Self::DocumentationOnly => "documentation only",
        }
    }
}
