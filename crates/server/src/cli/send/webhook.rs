//! The webhooks to send: made from flags, or the bytes of a file, and signed.

use bytes::Bytes;
use domain::providers::Provider;
use domain::signature::HmacScheme;
use domain::source::Source;
use engine::clock::{Clock as _, Luck as _, SystemClock, SystemLuck};
use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use anyhow::Context as _;

/// What a made body says.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What the webhook says")]
pub(super) struct Fields {
    /// The payment [default: a new one each time].
    #[arg(long, value_name = "ID")]
    payment_id: Option<String>,
    /// How much, in the currency's major unit.
    #[arg(long, default_value = "10.00", allow_hyphen_values = true)]
    amount: String,
    /// In which currency.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    currency: String,
    /// The payment's status, in the provider's words.
    #[arg(long, default_value = "pending")]
    status: String,
    /// Who moved the money.
    #[arg(long, value_name = "NAME", default_value = "payhook-send")]
    provider: String,
    /// The provider's id of the event; in a burst each gets its number behind it [default: a
    /// new one each time].
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
}

/// Writes one webhook after the other.
pub(super) struct Writer {
    scheme: HmacScheme,
    key: Zeroizing<Vec<u8>>,
    headers: Vec<(String, String)>,
    fields: Fields,
    body: Option<Bytes>,
}

/// One webhook, signed.
pub(super) struct Webhook {
    /// Every header, the signature among them.
    pub(super) headers: Vec<(String, String)>,
    /// The exact body.
    pub(super) body: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    payment_id: &'a str,
    amount: &'a RawValue,
    currency: &'a str,
    status: &'a str,
    provider: &'a str,
    event_id: &'a str,
}

impl Fields {
    /// The names of the fields, which a whole body leaves no room for.
    pub(super) const NAMES: [&'static str; 6] = [
        "payment_id",
        "amount",
        "currency",
        "status",
        "provider",
        "event_id",
    ];

    fn body(&self, number: u64) -> Bytes {
        let payment_id = match &self.payment_id {
            Some(id) => id.clone(),
            None => format!("pay_{:016x}", SystemLuck.next_u64()),
        };
        let event_id = match &self.event_id {
            Some(id) if number == 0 => id.clone(),
            Some(id) => format!("{id}_{number}"),
            None => format!("evt_{:016x}", SystemLuck.next_u64()),
        };
        // What is no number is sent as it is meant: to see it refused.
        let amount = RawValue::from_string(self.amount.clone())
            .ok()
            .filter(|raw| !raw.get().starts_with(['{', '[', '"', 't', 'f', 'n']))
            .or_else(|| serde_json::value::to_raw_value(&self.amount).ok())
            .unwrap_or_default();
        let body = Body {
            payment_id: &payment_id,
            amount: &amount,
            currency: &self.currency,
            status: &self.status,
            provider: &self.provider,
            event_id: &event_id,
        };
        // Texts and a checked number always become JSON.
        serde_json::to_vec(&body).unwrap_or_default().into()
    }
}

impl Writer {
    /// Writes webhooks of `source`, signed with the first of its secrets that is valid now.
    pub(super) fn new(
        source: &Source,
        fields: Fields,
        headers: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let Provider::Generic(generic) = &source.provider;
        let now = SystemClock.now();
        let secret = source
            .secrets
            .iter()
            .find(|secret| secret.is_live(now))
            .context("every secret of the source is retired; see retires_at")?;
        Ok(Self {
            scheme: generic.scheme.clone(),
            key: Zeroizing::new(secret.expose().to_vec()),
            headers,
            fields,
            body: None,
        })
    }

    /// The same, with these bytes as the body of each.
    pub(super) fn with_body(self, body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// The same, signed with a secret that is wrong.
    pub(super) fn forging(mut self) -> Self {
        self.key.extend_from_slice(b", but forged");
        self
    }

    /// The webhook with this number, counted from 0.
    pub(super) fn write(&self, number: u64) -> Webhook {
        let body = match &self.body {
            Some(body) => body.clone(),
            None => self.fields.body(number),
        };
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            (
                self.scheme.header.clone(),
                self.scheme.sign(&self.key, &body),
            ),
        ];
        headers.extend(self.headers.iter().cloned());
        Webhook { headers, body }
    }
}

impl Webhook {
    /// The body as text; what is no text is shown as such.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same request as a curl command for a POSIX shell.
    pub(super) fn curl(&self, url: &str) -> String {
        let mut command = String::new();
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) if !text.contains('\0') => format!("--data-raw {}", quoted(text)),
            // No argument can hold these bytes.
            Ok(_) | Err(_) => {
                let octal: String = self
                    .body
                    .iter()
                    .map(|byte| format!("\\{byte:03o}"))
                    .collect();
                command = format!("printf '{octal}' | ");
                "--data-binary @-".to_owned()
            }
        };
        command += &format!("curl --request POST {} \\\n", quoted(url));
        for (name, value) in &self.headers {
            command += &format!("  --header {} \\\n", quoted(&format!("{name}: {value}")));
        }
        command + "  " + &body
    }
}

/// One word for a POSIX shell, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(amount: &str) -> Fields {
        Fields {
            payment_id: Some("p".to_owned()),
            amount: amount.to_owned(),
            currency: "USD".to_owned(),
            status: "pending".to_owned(),
            provider: "me".to_owned(),
            event_id: Some("e".to_owned()),
        }
    }

    #[test]
    fn an_amount_is_sent_digit_for_digit_and_what_is_no_number_as_text() {
        for (amount, written) in [
            ("99.990", "99.990"),
            ("-1", "-1"),
            ("123456789012345678.90", "123456789012345678.90"),
            ("ten", "\"ten\""),
            ("01", "\"01\""),
            ("true", "\"true\""),
            ("[1]", "\"[1]\""),
        ] {
            let body = String::from_utf8(fields(amount).body(0).to_vec()).unwrap();
            let expected = format!(
                "{{\"paymentId\":\"p\",\"amount\":{written},\"currency\":\"USD\",\"status\":\
                 \"pending\",\"provider\":\"me\",\"eventId\":\"e\"}}"
            );
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn each_of_a_burst_is_an_event_of_its_own() {
        let fields = fields("1");
        assert!(fields.body(3).ends_with(b"\"eventId\":\"e_3\"}"));
        let unnamed = Fields {
            event_id: None,
            ..fields
        };
        assert_ne!(unnamed.body(0), unnamed.body(0));
    }

    #[test]
    fn a_word_for_the_shell_stays_one_word() {
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
