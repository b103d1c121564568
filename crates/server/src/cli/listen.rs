//! `payhook listen`: while developing, hands every new event on to a local application, signed as
//! Standard Webhooks are, so that the application verifies them as it will in earnest.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::signature::{Draft, Scheme};
use engine::clock::{Clock as _, Luck as _, SystemClock, SystemLuck};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::Context;
use super::output::{Output, Tone};
use super::send::answer::Sender;
use super::send::webhook::Webhook;
use crate::access::{Access, Purpose};
use crate::config::secrets::SecretConfig;
use crate::desk::ChangeQuery;
use crate::view::EventDetailView;

/// How long to wait for what comes next.
const PAUSE: Duration = Duration::from_millis(250);

/// Where to, and signed with what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The application's URL.
    #[arg(long, value_name = "URL")]
    forward_to: String,

    /// The whsec_ secret in this environment variable [default: a new one, which is printed].
    #[arg(long, value_name = "VARIABLE")]
    secret_env: Option<String>,

    /// Only events of this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// From this place in the change feed on [default: what comes from now on].
    #[arg(long, value_name = "PLACE")]
    after: Option<u64>,

    /// Stop after so many events.
    #[arg(long, value_name = "N")]
    count: Option<usize>,

    /// Longest wait for the application's answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout_ms: u64,
}

/// Follows the feed until it is told to stop.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let url = Url::parse(&args.forward_to)
        .with_context(|| format!("{:?} is not a URL", args.forward_to))?;
    ensure!(
        ["http", "https"].contains(&url.scheme()),
        "--forward-to does not begin with http:// or https://"
    );
    let secret = secret(&args, output)?;
    let client = Client::builder()
        .timeout(Duration::from_millis(args.timeout_ms))
        .redirect(Policy::none())
        .build()
        .context("the HTTP client cannot be started")?;
    let forwarder = Forwarder {
        sender: Sender::new(client, args.forward_to.clone()),
        scheme: Provider::try_new(ProviderId::StandardWebhooks, Settings::default())?
            .scheme()
            .clone(),
        secret,
        output,
    };
    let access = context.access(Purpose::Look).await?;
    let all_taken = tokio::select! {
        followed = follow(&args, &access, &forwarder) => followed?,
        _ = tokio::signal::ctrl_c() => true,
    };
    Ok(if all_taken {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn follow(args: &Args, access: &Access, forwarder: &Forwarder) -> anyhow::Result<bool> {
    let mut query = ChangeQuery {
        after: args.after,
        limit: Some(100),
    };
    let mut left = args.count.unwrap_or(usize::MAX);
    let mut all_taken = true;
    while left > 0 {
        let changes = access.changes(&query).await?;
        for change in &changes.items {
            if change.event_name != "INSERT" || left == 0 {
                continue;
            }
            let detail = access.event(&change.sequence.to_string(), true).await?;
            let is_wanted = args
                .source
                .as_ref()
                .is_none_or(|source| *source == detail.event.source);
            if is_wanted {
                all_taken &= forwarder.forward(&detail).await?;
                left -= 1;
            }
        }
        query.after = Some(changes.after);
        if changes.items.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(all_taken)
}

struct Forwarder {
    sender: Sender,
    scheme: Scheme,
    secret: Secret,
    output: Output,
}

impl Forwarder {
    /// Hands one event on. An application that is not there is told of, and the next event tried.
    async fn forward(&self, detail: &EventDetailView) -> anyhow::Result<bool> {
        let event = &detail.event;
        let kind = event_type(detail);
        let draft = Draft {
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            query: None,
            body: Bytes::from(serde_json::to_vec(&body(detail, &kind))?),
            // The same for every repeat, so that the application can tell one.
            id: event.execution_name.clone(),
        };
        let signed = self.scheme.sign(draft, &self.secret, SystemClock.now())?;
        let answer = self.sender.send(&Webhook::from(signed)).await;
        let (status, is_taken) = match &answer {
            Ok(answer) => (answer.status.to_string(), answer.is_accepted()),
            Err(_) => ("no answer".to_owned(), false),
        };
        if self.output.is_json() {
            let line = json!({
                "event": event.id, "type": kind, "paymentId": event.payment_id,
                "status": answer.as_ref().map(|answer| answer.status).ok(), "taken": is_taken,
            });
            self.output.line(line.to_string());
        } else {
            let tone = if is_taken { Tone::Good } else { Tone::Bad };
            self.output.line(format!(
                "{}  {:>8}  {kind}  {}  {}",
                super::clock(&event.received_at),
                event.id,
                event.payment_id,
                self.output.paint(tone, &status)
            ));
        }
        Ok(is_taken)
    }
}

/// `payment.captured`, `refund.refund_succeeded`, or the generic source's `payment.<status>`.
fn event_type(detail: &EventDetailView) -> String {
    match &detail.event.meaning {
        Some(meaning) => match &meaning.state {
            Some(state) => format!("{}.{state}", meaning.kind),
            None => meaning.kind.clone(),
        },
        None => format!("payment.{}", detail.event.provider_status),
    }
}

fn body(detail: &EventDetailView, kind: &str) -> Value {
    let event = &detail.event;
    json!({
        "type": kind,
        "timestamp": event.received_at,
        "data": {
            "eventKey": event.event_key,
            "source": event.source,
            "provider": event.provider,
            "paymentId": event.payment_id,
            "amount": event.amount,
            "currency": event.currency,
            "status": event.provider_status,
            "meaning": event.meaning,
            "vouched": detail.vouched,
            "raw": detail.body,
        },
    })
}

fn secret(args: &Args, output: Output) -> anyhow::Result<Secret> {
    if let Some(name) = &args.secret_env {
        let config = SecretConfig {
            env: Some(name.clone()),
            ..SecretConfig::default()
        };
        let text = config.read()?;
        let scheme = Provider::try_new(ProviderId::StandardWebhooks, Settings::default())?;
        if let Some(requirement) = scheme.scheme().objection_to(&text) {
            anyhow::bail!("the secret in {name} needs {requirement}");
        }
        return Ok(Secret::new("listen", text));
    }
    let mut key = [0; 24];
    for part in key.chunks_mut(8) {
        part.copy_from_slice(&SystemLuck.next_u64().to_be_bytes());
    }
    let text = format!("whsec_{}", STANDARD.encode(key));
    // It guards nothing but this session of a developer, who needs it to verify.
    if output.is_json() {
        output.line(json!({ "secret": text }).to_string());
    } else {
        output.line(format!("Signing with {text}"));
    }
    Ok(Secret::new("listen", text))
}

const EXAMPLES: &str = "\
Examples:
  Everything that comes in, to an application on this machine:
    payhook listen --forward-to http://127.0.0.1:3000/webhooks

  Only Stripe's, with a secret of your own, from the first event that was ever kept:
    payhook listen --forward-to http://127.0.0.1:3000/webhooks --source stripe \\
        --secret-env APP_WEBHOOK_SECRET --after 0

Each is a Standard Webhook: webhook-id, webhook-timestamp and webhook-signature over
{id}.{timestamp}.{body}; see https://www.standardwebhooks.com.

Exit code: 0 all were answered with 2xx, 1 some were not, 2 nothing could be forwarded.";
