//! What the deployment decided, read from the environment once. Every variable has its default
//! and its reason here; `infra/` sets them.
//!
//! | variable | function | meaning |
//! |---|---|---|
//! | `TABLE_NAME` | both | the payments table |
//! | `EVENT_KEYS_TABLE_NAME`, `QUARANTINE_TABLE_NAME` | validator | the other two |
//! | `PAYHOOK_SOURCES` | validator | JSON: source → `{"secretId", "provider"?, …}`, see `SourceText` |
//! | `PAYHOOK_EVENT_KEY_RETENTION_DAYS` | validator | how long an event key stays claimed: 365, at least 30 |
//! | `PAYHOOK_QUARANTINE_RETENTION_DAYS` | validator | how long a refused delivery is kept: 30 |
//! | `PAYHOOK_BODY_BYTES_MAX` | validator | longest body: 65536, at most 122880 |
//! | `PAYHOOK_SECRETS_REFRESH_SECONDS` | both | age at which secrets are read again: 300 |
//! | `PAYHOOK_SECRET_GRACE_HOURS` | validator | how long the secret before the current one is taken: 24 |
//! | `PAYHOOK_GATEWAY` | processor | `http`, or `simulated`, which moves no money |
//! | `PAYHOOK_GATEWAY_URL`, `PAYHOOK_GATEWAY_TIMEOUT_MS` | processor | the HTTP gateway; 20000 ms |
//! | `PAYHOOK_GATEWAY_HEADERS_SECRET` | processor | a secret with a JSON object of headers for it |
//! | `PAYHOOK_LOG` | both | what is logged, as `tracing` filters it: `info` |
//! | `OTEL_SERVICE_NAME` | both | what the function is called in traces: its own name |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | both | spans go there by OTLP instead of to X-Ray's daemon |
//! | `AWS_XRAY_DAEMON_ADDRESS` | both | that daemon; set by the platform when it traces |

use std::collections::{BTreeMap, HashMap};

use domain::card::CardPolicy;
use domain::currency::Currency;
use domain::limits;
use domain::providers::{Provider, ProviderId, SchemeChanges, Settings};
use domain::signature::{HmacAlgorithm, SignatureEncoding, Template};
use domain::source::{Handling, SourceName};
use domain::time::Millis;
use serde::Deserialize;

use crate::gateway::GatewaySettings;
use crate::secrets::{RotationSettings, SourceSettings};

/// What `webhook-validator` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorEnvironment {
    /// The payments table.
    pub payments_table: String,
    /// The event keys table.
    pub event_keys_table: String,
    /// The quarantine table.
    pub quarantine_table: String,
    /// Days for which an event key stays claimed.
    pub event_key_days: u32,
    /// Days for which a refused delivery is kept.
    pub quarantine_days: u32,
    /// Who may send.
    pub sources: HashMap<SourceName, SourceSettings>,
    /// How their secrets are kept up to date.
    pub rotation: RotationSettings,
    /// Longest body, in bytes.
    pub body_bytes_max: usize,
}

/// What `payment-processor` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorEnvironment {
    /// The payments table.
    pub payments_table: String,
    /// Who settles payments.
    pub gateway: GatewayChoice,
}

/// Who settles payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayChoice {
    /// Nobody: it behaves as a good gateway does, and moves no money.
    Simulated,
    /// An endpoint.
    Http(GatewaySettings),
}

/// Everything that keeps the function from starting, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not right:\n{}", .0.join("\n"))]
pub struct InvalidEnvironment(Vec<String>);

/// `PAYHOOK_SOURCES` on the wire. What is not said is the provider's own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SourceText {
    /// The secret in the vault.
    secret_id: String,
    /// The provider's name; the generic one otherwise.
    provider: Option<String>,
    /// The provider's own name for the secret: a key id, or Braintree's public key.
    key_id: Option<String>,
    /// The URL as it is registered with the provider, where that is signed.
    url: Option<String>,
    /// How far off a signed time may be, either way.
    tolerance_seconds: Option<u64>,
    /// The currency of a provider that names none.
    currency: Option<String>,
    /// Whether an authorization is captured without another word (Adyen).
    #[serde(default)]
    automatic_capture: bool,
    /// What is done when no signature covers the body.
    when_authenticated: Option<HandlingText>,
    header: Option<String>,
    algorithm: Option<AlgorithmText>,
    encoding: Option<EncodingText>,
    prefix: Option<String>,
    /// What is signed, as a template.
    signed: Option<String>,
    /// The signature's name in a header of pairs.
    pair: Option<String>,
    /// Where the signed time stands.
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum HandlingText {
    Accept,
    Quarantine,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum AlgorithmText {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EncodingText {
    Hex,
    Base64,
}

/// A variable of this process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the functions read their environment"
)]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl ValidatorEnvironment {
    /// Reads it through `variable`.
    ///
    /// # Errors
    /// Every variable that is missing or makes no sense, by name and without its value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let mut reader = Reader::new(&variable);
        let read = Self {
            payments_table: reader.text("TABLE_NAME"),
            event_keys_table: reader.text("EVENT_KEYS_TABLE_NAME"),
            quarantine_table: reader.text("QUARANTINE_TABLE_NAME"),
            event_key_days: reader.days(
                "PAYHOOK_EVENT_KEY_RETENTION_DAYS",
                365,
                limits::EVENT_KEY_DAYS_MIN,
            ),
            quarantine_days: reader.days("PAYHOOK_QUARANTINE_RETENTION_DAYS", 30, 1),
            sources: reader.sources("PAYHOOK_SOURCES"),
            rotation: RotationSettings {
                refresh: reader.refresh(),
                grace: Millis::from_secs(
                    3600 * reader.number("PAYHOOK_SECRET_GRACE_HOURS", 24, (0, 24 * 365)),
                ),
            },
            body_bytes_max: usize::try_from(reader.number(
                "PAYHOOK_BODY_BYTES_MAX",
                limits::BODY_BYTES_MAX as u64,
                (1, limits::BODY_BYTES_CEILING as u64),
            ))
            .unwrap_or(limits::BODY_BYTES_MAX),
        };
        reader.finish(read)
    }
}

impl ProcessorEnvironment {
    /// Reads it through `variable`.
    ///
    /// # Errors
    /// Every variable that is missing or makes no sense, by name and without its value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let mut reader = Reader::new(&variable);
        let read = Self {
            payments_table: reader.text("TABLE_NAME"),
            gateway: reader.gateway(),
        };
        reader.finish(read)
    }
}

/// Reads variables, and collects what is wrong with them.
struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            variable,
            problems: Vec::new(),
        }
    }

    fn finish<T>(self, read: T) -> Result<T, InvalidEnvironment> {
        if self.problems.is_empty() {
            Ok(read)
        } else {
            Err(InvalidEnvironment(self.problems))
        }
    }

    fn text(&mut self, name: &str) -> String {
        (self.variable)(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn number(&mut self, name: &str, default: u64, (min, max): (u64, u64)) -> u64 {
        let Some(text) = (self.variable)(name) else {
            return default;
        };
        match text.parse() {
            Ok(number) if (min..=max).contains(&number) => number,
            Ok(_) | Err(_) => {
                let problem = format!("{name} must be a whole number from {min} to {max}");
                self.problems.push(problem);
                default
            }
        }
    }

    fn days(&mut self, name: &str, default: u32, min: u32) -> u32 {
        const DAYS_MAX: u64 = 10 * 365;
        let days = self.number(name, u64::from(default), (u64::from(min), DAYS_MAX));
        u32::try_from(days).unwrap_or(default)
    }

    fn refresh(&mut self) -> Millis {
        const NAME: &str = "PAYHOOK_SECRETS_REFRESH_SECONDS";
        Millis::from_secs(self.number(NAME, 300, (1, 24 * 3600)))
    }

    fn sources(&mut self, name: &str) -> HashMap<SourceName, SourceSettings> {
        let text = self.text(name);
        if text.is_empty() {
            return HashMap::new();
        }
        let sources: BTreeMap<String, SourceText> = match serde_json::from_str(&text) {
            Ok(sources) => sources,
            // The parser's own words would repeat what it found: perhaps a secret in the wrong place.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                self.problems.push(format!(
                    "{name} is not as it should be, at line {line}, column {column}"
                ));
                return HashMap::new();
            }
        };
        if sources.is_empty() {
            self.problems
                .push(format!("{name} names no source: nobody could send"));
        }
        let mut settings = HashMap::new();
        for (source, text) in sources {
            match SourceName::try_new(&source) {
                Ok(named) => match text.settings() {
                    Ok(made) => {
                        settings.insert(named, made);
                    }
                    Err(problem) => self.problems.push(format!("{name}: {source}: {problem}")),
                },
                Err(invalid) => self.problems.push(format!("{name}: {source:?}: {invalid}")),
            }
        }
        settings
    }

    fn gateway(&mut self) -> GatewayChoice {
        const NAME: &str = "PAYHOOK_GATEWAY";
        match self.text(NAME).as_str() {
            "http" => GatewayChoice::Http(GatewaySettings {
                url: self.text("PAYHOOK_GATEWAY_URL"),
                timeout: Millis::new(self.number(
                    "PAYHOOK_GATEWAY_TIMEOUT_MS",
                    20_000,
                    (1, 15 * 60 * 1000),
                )),
                headers_secret: (self.variable)("PAYHOOK_GATEWAY_HEADERS_SECRET"),
                refresh: self.refresh(),
            }),
            // An absent one has been complained about.
            "simulated" | "" => GatewayChoice::Simulated,
            _ => {
                self.problems
                    .push(format!("{NAME} must be \"http\" or \"simulated\""));
                GatewayChoice::Simulated
            }
        }
    }
}

impl SourceText {
    /// The settings, or what is wrong with them in words without a value.
    fn settings(self) -> Result<SourceSettings, String> {
        let id = match &self.provider {
            None => ProviderId::Generic,
            Some(name) => ProviderId::parse(name).ok_or("there is no such provider")?,
        };
        // What only the provider's API can tell is not asked for from here yet.
        let must_ask = [
            ProviderId::MollieClassic,
            ProviderId::MercadoPago,
            ProviderId::Paypal,
        ];
        if must_ask.contains(&id) {
            let title = id.spec().title;
            return Err(format!(
                "{title} must be asked over its API, which only the one-binary home does"
            ));
        }
        let currency = self.currency.as_deref().map(Currency::parse).transpose();
        let signed = self.signed.as_deref().map(Template::parse).transpose();
        let settings = Settings {
            url: self.url,
            tolerance: self.tolerance_seconds.map(Millis::from_secs),
            currency: currency.map_err(|unknown| unknown.to_string())?,
            automatic_capture: self.automatic_capture,
            card_data: CardPolicy::default(),
            scheme: SchemeChanges {
                header: self.header,
                algorithm: self.algorithm.map(|algorithm| match algorithm {
                    AlgorithmText::Sha1 => HmacAlgorithm::Sha1,
                    AlgorithmText::Sha256 => HmacAlgorithm::Sha256,
                    AlgorithmText::Sha512 => HmacAlgorithm::Sha512,
                }),
                encoding: self.encoding.map(|encoding| match encoding {
                    EncodingText::Hex => SignatureEncoding::Hex,
                    EncodingText::Base64 => SignatureEncoding::Base64,
                }),
                prefix: self.prefix,
                signed: signed.map_err(|invalid| invalid.to_string())?,
                pair: self.pair,
                timestamp: self.timestamp,
                ..SchemeChanges::default()
            },
            ..Settings::default()
        };
        let provider = Provider::try_new(id, settings).map_err(|invalid| invalid.to_string())?;
        let covers_body = provider.scheme().covers_body();
        let when_authenticated = match self.when_authenticated {
            Some(_) if covers_body => {
                return Err("whenAuthenticated would do nothing: the body is signed".to_owned());
            }
            Some(HandlingText::Quarantine) => Handling::Quarantine,
            Some(HandlingText::Accept) | None => Handling::Accept,
        };
        Ok(SourceSettings {
            provider,
            when_authenticated,
            key_id: self.key_id,
            secret_id: self.secret_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::signature::{HeaderForm, Prefix, Scheme};

    fn read<T>(
        set: &[(&str, &str)],
        read: impl Fn(&dyn Fn(&str) -> Option<String>) -> Result<T, InvalidEnvironment>,
    ) -> Result<T, String> {
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        read(&variable).map_err(|error| error.to_string())
    }

    fn validator(more: &[(&str, &str)]) -> Result<ValidatorEnvironment, String> {
        let tables = [
            ("TABLE_NAME", "payments"),
            ("EVENT_KEYS_TABLE_NAME", "keys"),
            ("QUARANTINE_TABLE_NAME", "quarantine"),
        ];
        let all: Vec<_> = more.iter().chain(&tables).copied().collect();
        read(&all, |variable| ValidatorEnvironment::read(variable))
    }

    const SOURCES: (&str, &str) = (
        "PAYHOOK_SOURCES",
        r#"{"generic":{"secretId":"arn:secret"}}"#,
    );

    #[test]
    fn what_is_not_said_has_its_default() {
        let read = validator(&[SOURCES]).unwrap();
        assert_eq!((read.event_key_days, read.quarantine_days), (365, 30));
        assert_eq!(read.body_bytes_max, limits::BODY_BYTES_MAX);
        assert_eq!(read.rotation.refresh, Millis::from_secs(300));
        assert_eq!(read.rotation.grace, Millis::from_secs(86_400));
        let source = &read.sources[&SourceName::generic()];
        let generic = Provider::try_new(ProviderId::Generic, Settings::default());
        assert_eq!(source.provider, generic.unwrap());
        assert_eq!(source.secret_id, "arn:secret");
    }

    #[test]
    fn a_source_says_how_it_signs() {
        let text = r#"{"shop":{"secretId":"s","header":"X-Sig","algorithm":"sha512",
            "encoding":"base64","prefix":"v1="}}"#;
        let read = validator(&[("PAYHOOK_SOURCES", text)]).unwrap();
        let Scheme::Hmac(scheme) = read.sources.values().next().unwrap().provider.scheme() else {
            panic!("an HMAC");
        };
        assert_eq!(scheme.header, "x-sig");
        assert_eq!(scheme.algorithm, HmacAlgorithm::Sha512);
        assert_eq!(scheme.encoding, SignatureEncoding::Base64);
        let prefix = HeaderForm::Plain(Some(Prefix::optional("v1=")));
        assert_eq!(scheme.form, prefix);
    }

    #[test]
    fn a_source_is_of_a_provider_with_what_that_needs() {
        let read = |fields: &str| {
            let text = format!(r#"{{"shop":{{"secretId":"s",{fields}}}}}"#);
            validator(&[("PAYHOOK_SOURCES", &text)])
        };
        for fields in [
            r#""provider":"stripe","toleranceSeconds":600"#,
            r#""provider":"adyen","automaticCapture":true"#,
            r#""provider":"square","url":"https://pay.example/webhooks/shop""#,
            r#""provider":"xendit","whenAuthenticated":"quarantine""#,
            r#""provider":"braintree","keyId":"public""#,
            r#""signed":"{timestamp}.{body}","pair":"v1","timestamp":"t""#,
        ] {
            assert!(read(fields).is_ok(), "{fields}: {:?}", read(fields));
        }
        for (fields, named) in [
            (r#""provider":"strip""#, "no such provider"),
            (r#""provider":"square""#, "url"),
            (
                r#""provider":"stripe","automaticCapture":true"#,
                "would do nothing",
            ),
            (r#""provider":"paypal""#, "over its API"),
            (r#""provider":"mollie-classic""#, "over its API"),
            (r#""provider":"stripe","header":"x""#, "would do nothing"),
            (
                r#""provider":"stripe","whenAuthenticated":"accept""#,
                "is signed",
            ),
            (
                r#""provider":"shopify","toleranceSeconds":1"#,
                "no time is signed",
            ),
            (r#""signed":"{timestamp}.{body}""#, "do not fit"),
            (r#""currency":"usd""#, "currency"),
        ] {
            let said = read(fields).unwrap_err();
            assert!(said.contains(named), "{fields}: {said}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_on_both_sides_of_each_bound() {
        for (name, good, bad) in [
            (
                "PAYHOOK_EVENT_KEY_RETENTION_DAYS",
                ["30", "3650"],
                ["29", "3651"],
            ),
            (
                "PAYHOOK_QUARANTINE_RETENTION_DAYS",
                ["1", "3650"],
                ["0", "-1"],
            ),
            ("PAYHOOK_BODY_BYTES_MAX", ["1", "122880"], ["0", "122881"]),
            (
                "PAYHOOK_SECRETS_REFRESH_SECONDS",
                ["1", "86400"],
                ["0", "soon"],
            ),
            ("PAYHOOK_SECRET_GRACE_HOURS", ["0", "8760"], ["8761", "1.5"]),
        ] {
            for value in good {
                assert!(
                    validator(&[SOURCES, (name, value)]).is_ok(),
                    "{name}={value}"
                );
            }
            for value in bad {
                let said = validator(&[SOURCES, (name, value)]).unwrap_err();
                assert!(said.contains(name), "{name}={value}: {said}");
            }
        }
        for sources in [
            "{}",
            "[]",
            "nonsense",
            r#"{"Stripe":{"secretId":"s"}}"#,
            r#"{"a":{}}"#,
            r#"{"a":{"secretId":"s","secret":"in clear"}}"#,
            r#"{"a":{"secretId":"s","algorithm":"md5"}}"#,
            r#"{"a":"in clear"}"#,
        ] {
            let said = validator(&[("PAYHOOK_SOURCES", sources)]).unwrap_err();
            assert!(said.contains("PAYHOOK_SOURCES"), "{sources}: {said}");
            assert!(!said.contains("in clear"), "{said}");
        }
        let said = read(&[], |variable| ValidatorEnvironment::read(variable)).unwrap_err();
        for name in [
            "TABLE_NAME",
            "EVENT_KEYS_TABLE_NAME",
            "QUARANTINE_TABLE_NAME",
            "PAYHOOK_SOURCES",
        ] {
            assert!(said.contains(&format!("{name} is not set")), "{said}");
        }
    }

    #[test]
    fn a_gateway_is_chosen_and_never_assumed() {
        let processor = |more: &[(&str, &str)]| {
            let all: Vec<_> = more
                .iter()
                .chain(&[("TABLE_NAME", "payments")])
                .copied()
                .collect();
            read(&all, |variable| ProcessorEnvironment::read(variable))
        };
        let simulated = processor(&[("PAYHOOK_GATEWAY", "simulated")]).unwrap();
        assert_eq!(simulated.gateway, GatewayChoice::Simulated);
        let url = ("PAYHOOK_GATEWAY_URL", "https://gateway.example/settle");
        let http = processor(&[("PAYHOOK_GATEWAY", "http"), url]).unwrap();
        let GatewayChoice::Http(settings) = http.gateway else {
            panic!("http");
        };
        assert_eq!(
            (settings.url.as_str(), settings.headers_secret),
            (url.1, None)
        );
        assert_eq!(settings.timeout, Millis::new(20_000));
        for (set, named) in [
            (vec![], "PAYHOOK_GATEWAY is not set"),
            (
                vec![("PAYHOOK_GATEWAY", "stripe")],
                "PAYHOOK_GATEWAY must be",
            ),
            (
                vec![("PAYHOOK_GATEWAY", "http")],
                "PAYHOOK_GATEWAY_URL is not set",
            ),
        ] {
            let said = processor(&set).unwrap_err();
            assert!(said.contains(named), "{said}");
        }
    }
}
