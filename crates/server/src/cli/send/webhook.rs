//! The webhooks to send: made from flags, or the bytes of a file, and signed.

use bytes::Bytes;
use domain::secret::Secret;
use domain::signature::{Draft, Scheme, Signed};
use domain::source::Source;
use engine::clock::{Clock as _, Luck as _, SystemClock, SystemLuck};
use serde::Serialize;
use serde_json::value::RawValue;

use anyhow::Context as _;

/// What a made body says.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What the webhook says")]
pub(in crate::cli) struct Fields {
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
pub(in crate::cli) struct Writer {
    scheme: Scheme,
    secret: Secret,
    headers: Vec<(String, String)>,
    fields: Fields,
    body: Option<Bytes>,
}

/// One webhook, signed.
pub(in crate::cli) struct Webhook {
    /// Every header, the signature among them.
    pub(in crate::cli) headers: Vec<(String, String)>,
    /// The query of its URL.
    pub(in crate::cli) query: Option<String>,
    /// The exact body.
    pub(in crate::cli) body: Bytes,
}

impl Webhook {
    /// `url` with the query that belongs to this webhook.
    pub(in crate::cli) fn url(&self, url: &str) -> String {
        match &self.query {
            None => url.to_owned(),
            Some(query) if url.contains('?') => format!("{url}&{query}"),
            Some(query) => format!("{url}?{query}"),
        }
    }
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
    pub(in crate::cli) const NAMES: [&'static str; 6] = [
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
    pub(in crate::cli) fn new(
        source: &Source,
        fields: Fields,
        headers: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let now = SystemClock.now();
        let secret = source
            .secrets
            .iter()
            .find(|secret| secret.is_live(now))
            .context("every secret of the source is retired; see retires_at")?;
        Ok(Self {
            scheme: source.provider.scheme().clone(),
            secret: secret.clone(),
            headers,
            fields,
            body: None,
        })
    }

    /// The same, with these bytes as the body of each.
    pub(in crate::cli) fn with_body(self, body: Bytes) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// The same, signed with a secret that is wrong.
    pub(in crate::cli) fn forging(mut self) -> Self {
        self.secret = forged(&self.secret);
        self
    }

    /// The webhook with this number, counted from 0.
    ///
    /// # Errors
    /// When the source's provider could not have signed it.
    pub(in crate::cli) fn write(&self, number: u64) -> anyhow::Result<Webhook> {
        let body = match &self.body {
            Some(body) => body.clone(),
            None => self.fields.body(number),
        };
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(self.headers.iter().cloned());
        let draft = Draft {
            headers,
            query: None,
            body,
            id: format!("msg_{:016x}", SystemLuck.next_u64()),
        };
        let signed = self.scheme.sign(draft, &self.secret, SystemClock.now())?;
        Ok(signed.into())
    }
}

/// A secret of the same form that is another: its last characters are changed, so that hexadecimal
/// digits stay hexadecimal and base64 stays base64.
pub(in crate::cli) fn forged(secret: &Secret) -> Secret {
    let mut key = secret.expose().to_vec();
    for byte in key.iter_mut().rev().take(4) {
        *byte = if *byte == b'0' { b'1' } else { b'0' };
    }
    let forged = Secret::new(secret.label(), key);
    match secret.id() {
        Some(id) => forged.with_id(id),
        None => forged,
    }
}

impl From<Signed> for Webhook {
    fn from(signed: Signed) -> Self {
        Self {
            headers: signed.headers,
            query: signed.query,
            body: signed.body,
        }
    }
}

impl Webhook {
    /// The body as text; what is no text is shown as such.
    pub(in crate::cli) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same request as a curl command for a POSIX shell.
    pub(in crate::cli) fn curl(&self, url: &str) -> String {
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
