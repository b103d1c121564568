//! What a source's configuration says of its provider, in either home.

use alloc::string::String;
use alloc::vec::Vec;

use super::ProviderId;
use crate::card::CardPolicy;
use crate::currency::Currency;
use crate::signature::{
    Certificate, HmacAlgorithm, InvalidTemplate, SignatureEncoding, Template, TimeUnit,
};
use crate::time::Millis;

/// A source's settings. Which ones a provider takes, [`Settings::check`] says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The URL exactly as it is registered with the provider, where that is signed (Square), or
    /// where a generic template signs it.
    pub url: Option<String>,
    /// How far off a signed time may be, either way; the provider's own otherwise.
    pub tolerance: Option<Millis>,
    /// The currency of a provider that names none.
    pub currency: Option<Currency>,
    /// Whether an authorization is captured without another word (Adyen), so that it is the money.
    pub automatic_capture: bool,
    /// Certificates that are trusted without being fetched (PayPal).
    pub certificates: Vec<Certificate>,
    /// What is done with a body that holds card data.
    pub card_data: CardPolicy,
    /// The generic source's scheme.
    pub scheme: SchemeChanges,
    /// The generic source's fields.
    pub fields: FieldPaths,
}

/// What a configuration says otherwise of the generic source's scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemeChanges {
    /// The header that holds the signature.
    pub header: Option<String>,
    /// The hash under it.
    pub algorithm: Option<HmacAlgorithm>,
    /// How it is written.
    pub encoding: Option<SignatureEncoding>,
    /// A text that may stand before it; an empty one for none.
    pub prefix: Option<String>,
    /// What is signed; the body otherwise.
    pub signed: Option<Template>,
    /// The header is a list of pairs such as `t=…,v1=…`, and this is the signature's name in it.
    pub pair: Option<String>,
    /// What stands between the pairs; a comma otherwise.
    pub separator: Option<char>,
    /// Where the signed time stands: a header, or with `pair` a name in the list.
    pub timestamp: Option<String>,
    /// How it is written; seconds otherwise.
    pub timestamp_unit: Option<TimeUnit>,
    /// Whether a secret is written in hexadecimal digits.
    pub secret_is_hex: bool,
}

/// Where a generic source's fields stand: names with dots between them. Each has the seed's own
/// name as its default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldPaths {
    /// The payment.
    pub payment_id: Option<String>,
    /// How much.
    pub amount: Option<String>,
    /// In which currency.
    pub currency: Option<String>,
    /// The status.
    pub status: Option<String>,
    /// Who moved the money.
    pub provider: Option<String>,
    /// The provider's id of the event.
    pub event_id: Option<String>,
    /// Whether the amount is in minor units.
    pub amount_is_minor: bool,
}

/// Why settings do not fit their provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// A setting that this provider cannot do without.
    #[error("{provider} needs `{setting}`: {why}")]
    Missing {
        /// The provider's name.
        provider: &'static str,
        /// The setting.
        setting: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// A setting that this provider does not have, and that would do nothing.
    #[error("{provider} has no `{setting}`; it would do nothing")]
    Unused {
        /// The provider's name.
        provider: &'static str,
        /// The setting.
        setting: &'static str,
    },
    /// A tolerance for a scheme that signs no time.
    #[error("`tolerance_seconds` would do nothing: no time is signed")]
    NoSignedTime,
    /// The signed time is named, but not signed, or signed and not named.
    #[error(
        "`signed` and `timestamp` do not fit: {{timestamp}} is to be in it exactly when it is named"
    )]
    TimestampUnsigned,
    /// The template is none.
    #[error("`signed`: {0}")]
    Template(#[from] InvalidTemplate),
}

impl Settings {
    /// Refuses settings that `provider` does not have: an option that nothing reads is a mistake
    /// that nobody sees.
    pub(super) fn check(&self, provider: ProviderId) -> Result<(), InvalidSettings> {
        let own = SchemeChanges::default();
        let is_generic = provider == ProviderId::Generic;
        let signs_url = provider == ProviderId::Square
            || self.scheme.signed.as_ref().is_some_and(Template::needs_url);
        let names_no_currency = matches!(
            provider,
            ProviderId::Generic
                | ProviderId::AuthorizeNet
                | ProviderId::Flutterwave
                | ProviderId::FlutterwaveV3
        );
        let unused = [
            ("url", self.url.is_some() && !signs_url),
            ("currency", self.currency.is_some() && !names_no_currency),
            (
                "prefix",
                self.scheme.prefix.is_some() && self.scheme.pair.is_some(),
            ),
            (
                "automatic_capture",
                self.automatic_capture && provider != ProviderId::Adyen,
            ),
            (
                "certificate_files",
                !self.certificates.is_empty() && provider != ProviderId::Paypal,
            ),
            (
                "fields",
                self.fields != FieldPaths::default() && !is_generic,
            ),
            ("header", self.scheme.header != own.header && !is_generic),
            (
                "algorithm",
                self.scheme.algorithm != own.algorithm && !is_generic,
            ),
            (
                "encoding",
                self.scheme.encoding != own.encoding && !is_generic,
            ),
            ("prefix", self.scheme.prefix != own.prefix && !is_generic),
            ("signed", self.scheme.signed != own.signed && !is_generic),
            ("pair", self.scheme.pair != own.pair && !is_generic),
            (
                "separator",
                self.scheme.separator.is_some() && self.scheme.pair.is_none(),
            ),
            (
                "timestamp",
                self.scheme.timestamp != own.timestamp && !is_generic,
            ),
            (
                "timestamp_unit",
                self.scheme.timestamp_unit.is_some() && self.scheme.timestamp.is_none(),
            ),
            ("secret_is_hex", self.scheme.secret_is_hex && !is_generic),
        ];
        match unused.into_iter().find(|(_, is_unused)| *is_unused) {
            None => Ok(()),
            Some((setting, _)) => Err(InvalidSettings::Unused {
                provider: provider.name(),
                setting,
            }),
        }
    }
}
