//! The providers: how each one's deliveries are verified, read and answered. One provider, one
//! file, with its [`Spec`]; the list stands here.

mod common_shape;
mod read;
mod settings;
mod spec;
mod story;

pub mod generic;

mod adyen;
mod adyen_platform;
mod airwallex;
mod authorize_net;
mod braintree;
mod cashfree;
mod checkout_com;
mod coinbase_cdp;
mod coinbase_commerce;
mod dlocal;
mod flutterwave;
mod flutterwave_v3;
mod github;
mod gocardless;
mod klarna;
mod lemon_squeezy;
mod mercado_pago;
mod mollie;
mod mollie_classic;
mod paddle;
mod paypal;
mod paystack;
mod razorpay;
mod shopify;
mod square;
mod standard_webhooks;
mod stripe;
mod wise;
mod worldpay;
mod xendit;

use alloc::vec::Vec;

use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::payment::PaymentRules;
use crate::secret::Secret;
use crate::signature::{Certificate, Proof, Scheme, SignatureRefusal};

pub use settings::{FieldPaths, InvalidSettings, SchemeChanges, Settings};
pub use spec::{Ack, Amounts, Evidence, Facts, Spec};
pub use story::{Occasion, Sample, Story};

/// Every provider by its name. The variant, its file and its line in [`ProviderId::spec`] are all
/// there is to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each one's title stands in its SPEC")]
pub enum ProviderId {
    Generic,
    Adyen,
    AdyenPlatform,
    Airwallex,
    AuthorizeNet,
    Braintree,
    Cashfree,
    CheckoutCom,
    CoinbaseCdp,
    CoinbaseCommerce,
    Dlocal,
    Flutterwave,
    FlutterwaveV3,
    Github,
    Gocardless,
    Klarna,
    LemonSqueezy,
    MercadoPago,
    Mollie,
    MollieClassic,
    Paddle,
    Paypal,
    Paystack,
    Razorpay,
    Shopify,
    Square,
    StandardWebhooks,
    Stripe,
    Wise,
    Worldpay,
    Xendit,
}

/// A provider as one source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    id: ProviderId,
    scheme: Scheme,
    settings: Settings,
}

/// Why a verified delivery cannot be read. In order of precedence.
///
/// Names fields, never values: it is answered to the sender and logged. Only the generic source
/// refuses what it cannot read, as the seed did: its senders are the operator's own. Every other
/// provider's deliveries are kept all the same, and a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadRefusal {
    /// The body is no JSON, or no JSON object.
    #[error("Malformed JSON")]
    MalformedJson,
    /// A field without which the event is about nothing.
    #[error("Missing required field: {field}")]
    MissingField {
        /// Its name on the wire.
        field: &'static str,
    },
    /// A field whose value makes no sense.
    #[error("Invalid value for {field}: {problem}")]
    InvalidValue {
        /// Its name on the wire.
        field: &'static str,
        /// What is wrong with it, without the value.
        problem: &'static str,
    },
}

impl ProviderId {
    /// Every provider, the generic one first and the others by name.
    pub const ALL: [Self; 31] = [
        Self::Generic,
        Self::Adyen,
        Self::AdyenPlatform,
        Self::Airwallex,
        Self::AuthorizeNet,
        Self::Braintree,
        Self::Cashfree,
        Self::CheckoutCom,
        Self::CoinbaseCdp,
        Self::CoinbaseCommerce,
        Self::Dlocal,
        Self::Flutterwave,
        Self::FlutterwaveV3,
        Self::Github,
        Self::Gocardless,
        Self::Klarna,
        Self::LemonSqueezy,
        Self::MercadoPago,
        Self::Mollie,
        Self::MollieClassic,
        Self::Paddle,
        Self::Paypal,
        Self::Paystack,
        Self::Razorpay,
        Self::Shopify,
        Self::Square,
        Self::StandardWebhooks,
        Self::Stripe,
        Self::Wise,
        Self::Worldpay,
        Self::Xendit,
    ];

    /// Everything that is known of it.
    pub const fn spec(self) -> &'static Spec {
        match self {
            Self::Generic => &generic::SPEC,
            Self::Adyen => &adyen::SPEC,
            Self::AdyenPlatform => &adyen_platform::SPEC,
            Self::Airwallex => &airwallex::SPEC,
            Self::AuthorizeNet => &authorize_net::SPEC,
            Self::Braintree => &braintree::SPEC,
            Self::Cashfree => &cashfree::SPEC,
            Self::CheckoutCom => &checkout_com::SPEC,
            Self::CoinbaseCdp => &coinbase_cdp::SPEC,
            Self::CoinbaseCommerce => &coinbase_commerce::SPEC,
            Self::Dlocal => &dlocal::SPEC,
            Self::Flutterwave => &flutterwave::SPEC,
            Self::FlutterwaveV3 => &flutterwave_v3::SPEC,
            Self::Github => &github::SPEC,
            Self::Gocardless => &gocardless::SPEC,
            Self::Klarna => &klarna::SPEC,
            Self::LemonSqueezy => &lemon_squeezy::SPEC,
            Self::MercadoPago => &mercado_pago::SPEC,
            Self::Mollie => &mollie::SPEC,
            Self::MollieClassic => &mollie_classic::SPEC,
            Self::Paddle => &paddle::SPEC,
            Self::Paypal => &paypal::SPEC,
            Self::Paystack => &paystack::SPEC,
            Self::Razorpay => &razorpay::SPEC,
            Self::Shopify => &shopify::SPEC,
            Self::Square => &square::SPEC,
            Self::StandardWebhooks => &standard_webhooks::SPEC,
            Self::Stripe => &stripe::SPEC,
            Self::Wise => &wise::SPEC,
            Self::Worldpay => &worldpay::SPEC,
            Self::Xendit => &xendit::SPEC,
        }
    }

    /// The stable name, as configurations and records have it.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// The provider of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.name() == name)
    }
}

impl Provider {
    /// A provider with a source's settings.
    ///
    /// # Errors
    /// A setting that this provider needs and that is not there, or one that it does not have.
    pub fn try_new(id: ProviderId, settings: Settings) -> Result<Self, InvalidSettings> {
        settings.check(id)?;
        let scheme = (id.spec().scheme)(&settings)?;
        let scheme = match settings.tolerance {
            Some(tolerance) if scheme.signs_time() => scheme.within(Some(tolerance)),
            Some(_) => return Err(InvalidSettings::NoSignedTime),
            None => scheme,
        };
        Ok(Self {
            id,
            scheme,
            settings,
        })
    }

    /// Which one it is.
    pub const fn id(&self) -> ProviderId {
        self.id
    }

    /// Everything that is known of it.
    pub const fn spec(&self) -> &'static Spec {
        self.id.spec()
    }

    /// How its deliveries prove their sender.
    pub const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The source's settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How its payments move.
    pub const fn rules(&self) -> PaymentRules {
        self.spec().rules
    }

    /// The same provider knowing one more certificate, whose chain the caller vouches for.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        if let Scheme::Paypal { certificates, .. } = &mut self.scheme {
            certificates.push(certificate);
        }
        self
    }

    /// Proves who sent the delivery, at the time it was received; gives it back when it
    /// proves nothing.
    pub fn verify(
        &self,
        delivery: RawDelivery,
        secrets: &[Secret],
    ) -> Result<Proof<RawDelivery>, (SignatureRefusal, RawDelivery)> {
        self.scheme.check(delivery, secrets)
    }

    /// Reads the events out of a delivery whose sender is known. At least one on success.
    ///
    /// # Errors
    /// Only the generic source's; see [`ReadRefusal`].
    pub fn read(&self, delivery: &Proof<RawDelivery>) -> Result<Vec<PaymentEvent>, ReadRefusal> {
        (self.spec().read)(delivery.get(), &self.settings)
    }

    /// Reads the events out of what the provider's own API has answered to us, over TLS: nobody
    /// else can have said it.
    ///
    /// # Errors
    /// See [`Self::read`].
    pub fn read_fetched(&self, truth: &RawDelivery) -> Result<Vec<PaymentEvent>, ReadRefusal> {
        (self.spec().read)(truth, &self.settings)
    }
}

#[cfg(test)]
mod tests;
