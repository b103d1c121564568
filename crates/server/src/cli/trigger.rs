//! `payhook trigger`: sends what a provider would send, correctly signed, or with exactly the fault
//! that is to be seen: the Stripe CLI's trigger for every provider, and a load generator.

mod api;
mod plan;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use domain::currency::Currency;
use domain::money::Amount;
use domain::providers::{Occasion, ProviderId, Sample, Spec, Story};
use domain::time::Timestamp;
use engine::clock::{Clock as _, SystemClock};
use reqwest::Client;
use reqwest::redirect::Policy;

use super::Context;
use super::output::{Output, Tone};
use super::send::answer::Sender;
use super::send::{burst, print_answers, url_of};
use super::source_args::{SourceArgs, Sources};
use crate::config::sources::ProviderName;
use plan::Plan;

/// What to send, and what is to be wrong with it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The provider, as `payhook providers` lists them.
    provider: ProviderName,

    /// What has happened: `captured`, `refunded`, … or the provider's own word, such as
    /// `payment_intent.succeeded`. Without one, those that there are.
    event: Option<String>,

    /// Where to [default: the running server that the configuration's data directory knows, or
    /// server.listen].
    #[arg(long)]
    url: Option<String>,

    #[command(flatten)]
    source: SourceArgs,

    /// The private key in PEM (RSA), or whsk_ and its base64 (ed25519), of a provider that signs
    /// with one.
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,

    /// Letters and digits that the payment's ids are made of [default: new ones].
    #[arg(long, value_name = "WORD", value_parser = word, help_heading = "What it says")]
    payment: Option<String>,

    /// Letters and digits that the event's id is made of [default: new ones].
    #[arg(long, value_name = "WORD", value_parser = word, help_heading = "What it says")]
    event_id: Option<String>,

    /// How much, in the currency's major unit.
    #[arg(long, default_value = "10.00", value_parser = amount, help_heading = "What it says")]
    amount: Amount,

    /// In which currency.
    #[arg(long, default_value = "EUR", value_parser = currency, help_heading = "What it says")]
    currency: Currency,

    /// Say that real money moves.
    #[arg(long, help_heading = "What it says")]
    live: bool,

    /// Send everything that comes before it in a payment's life too, the last first.
    #[arg(long, help_heading = "What is wrong with it")]
    out_of_order: bool,

    /// Sign with a secret that is wrong, as a forger would.
    #[arg(long, help_heading = "What is wrong with it")]
    bad_signature: bool,

    /// Sign with the secret that retires first.
    #[arg(
        long,
        conflicts_with = "bad_signature",
        help_heading = "What is wrong with it"
    )]
    old_secret: bool,

    /// Sign with a clock that is so far behind, or ahead with a minus: 400s, -5m.
    #[arg(long, value_name = "TIME", value_parser = skew, allow_hyphen_values = true,
          default_value = "0s", help_heading = "What is wrong with it")]
    skew: i64,

    /// Send each so many times more, as providers do that did not hear our answer.
    #[arg(long, value_name = "N", num_args = 0..=1, default_value_t = 0,
          default_missing_value = "1", help_heading = "What is wrong with it")]
    duplicate: u32,

    /// Send nothing; print the same requests as curl commands.
    #[arg(long)]
    dry_run: bool,

    /// Answer as the provider's API at this address until the webhook is answered, for providers
    /// whose webhook is only a hint. Set `api.base_url` of the source to it.
    #[arg(long, value_name = "ADDRESS")]
    api: Option<SocketAddr>,

    /// Longest wait for one answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout_ms: u64,

    #[command(flatten)]
    burst: burst::BurstArgs,
}

/// Sends it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let id = args.provider.0;
    let output = context.output;
    let Some(event) = &args.event else {
        list(id.spec(), output)?;
        return Ok(ExitCode::SUCCESS);
    };
    let occasion = find(id.spec(), event)?;
    let sources = resolve(&args, id, context)?;
    let url = url_of(args.url.as_deref(), &sources.source, &sources.config)?;
    let plan = Plan::new(&args, occasion, &sources)?;
    if args.dry_run {
        let curls = plan
            .deliveries(0)?
            .iter()
            .map(|webhook| webhook.curl(&webhook.url(&url)))
            .collect::<Vec<_>>();
        if output.is_json() {
            output.json(&serde_json::json!({ "url": url, "curl": curls }))?;
        } else {
            curls.into_iter().for_each(|curl| output.line(curl));
        }
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        args.api.is_none() || !args.burst.is_burst(),
        "--api answers for one payment: it cannot be used for a burst"
    );
    let api = match args.api {
        Some(address) => Some(api::serve(address, plan.truths()?).await?),
        None => None,
    };
    let sender = Sender::new(client(&args)?, url);
    let all_accepted = if args.burst.is_burst() {
        let write = |number| plan.first_of(number);
        burst::run(&args.burst, args.duplicate, &sender, &write, output).await?
    } else {
        one(&args, &plan, &sender, output).await?
    };
    if let Some(api) = api {
        api.stop().await;
    }
    Ok(if all_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn one(args: &Args, plan: &Plan, sender: &Sender, output: Output) -> anyhow::Result<bool> {
    let mut all_accepted = true;
    let mut reports = Vec::new();
    for webhook in plan.deliveries(0)? {
        let mut answers = Vec::new();
        for _ in 0..=args.duplicate {
            let answer = sender.send(&webhook).await.with_context(|| {
                format!(
                    "nothing came back from {}; is `payhook serve` running?",
                    sender.url()
                )
            })?;
            all_accepted &= answer.is_accepted();
            answers.push(answer);
        }
        if output.is_json() {
            reports.push(serde_json::json!({ "body": webhook.text(), "answers": answers }));
        } else {
            print_answers(output, sender.url(), &webhook, &answers);
        }
    }
    if output.is_json() {
        let url = sender.url();
        output.json(&serde_json::json!({ "url": url, "deliveries": reports }))?;
    }
    Ok(all_accepted)
}

/// The source that is meant: the one that is named, or the only one of this provider.
fn resolve(args: &Args, id: ProviderId, context: &Context) -> anyhow::Result<Sources> {
    let config = context.config()?;
    let of_provider: Vec<&String> = config
        .sources
        .iter()
        .filter(|(_, source)| source.provider.0 == id)
        .map(|(name, _)| name)
        .collect();
    let chosen = match (&args.source.source, of_provider.as_slice()) {
        (Some(_), _) => args.source.clone(),
        (None, [only]) => args.source.clone().named(only),
        (None, []) => args.source.clone().of_provider(id),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            bail!(
                "there are several sources of {}: name one with --source: {}",
                id.spec().title,
                names.join(", ")
            );
        }
    };
    let sources = chosen.resolve(context)?;
    ensure!(
        sources.source.provider.id() == id,
        "source {:?} is of {}, not of {}",
        sources.source.name.as_str(),
        sources.source.provider.spec().title,
        id.spec().title
    );
    Ok(sources)
}

/// The occasions that a provider has an event for, with the event's name.
pub(super) fn occasions(spec: &'static Spec) -> impl Iterator<Item = (Occasion, Sample)> {
    Occasion::ALL
        .into_iter()
        .filter_map(|occasion| Some((occasion, (spec.sample)(&story_of(occasion))?)))
}

fn story_of(occasion: Occasion) -> Story {
    Story {
        occasion,
        event: "0000000000000000".to_owned(),
        payment: "0000000000000000".to_owned(),
        amount: Amount::ZERO,
        currency: Currency::USD,
        at: Timestamp::from_millis(0),
        live: false,
    }
}

fn find(spec: &'static Spec, event: &str) -> anyhow::Result<Occasion> {
    let own = Occasion::parse(event)
        .filter(|occasion| occasions(spec).any(|(each, _)| each == *occasion));
    let theirs = || {
        let mut all = occasions(spec);
        all.find(|(_, sample)| sample.event_type == event)
            .map(|(occasion, _)| occasion)
    };
    own.or_else(theirs).with_context(|| {
        let names: Vec<String> = occasions(spec)
            .map(|(occasion, sample)| format!("{} ({})", occasion.as_str(), sample.event_type))
            .collect();
        format!(
            "{} has no event {event:?}; it has {}",
            spec.title,
            names.join(", ")
        )
    })
}

fn list(spec: &'static Spec, output: Output) -> anyhow::Result<()> {
    let all: Vec<_> = occasions(spec).collect();
    if output.is_json() {
        let events: Vec<_> = all
            .iter()
            .map(|(occasion, sample)| {
                serde_json::json!({ "event": occasion.as_str(), "type": sample.event_type })
            })
            .collect();
        return output.json(&events);
    }
    let row = |(occasion, sample): &(Occasion, Sample)| {
        [
            output.paint(Tone::Strong, occasion.as_str()),
            sample.event_type.clone(),
        ]
    };
    output.table(
        ["EVENT", "AS THE PROVIDER CALLS IT"],
        all.iter().map(row).collect(),
    );
    Ok(())
}

fn client(args: &Args) -> anyhow::Result<Client> {
    ensure!(
        args.timeout_ms > 0,
        "--timeout-ms is 0: no answer could come"
    );
    Client::builder()
        .timeout(Duration::from_millis(args.timeout_ms))
        .redirect(Policy::none())
        .pool_max_idle_per_host(args.burst.concurrency())
        .build()
        .context("the HTTP client cannot be started")
}

fn now(skew_ms: i64) -> Timestamp {
    Timestamp::from_millis(SystemClock.now().as_millis().saturating_sub(skew_ms))
}

fn word(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("1 to 32 letters and digits".to_owned())
    }
}

fn amount(text: &str) -> Result<Amount, String> {
    Amount::parse(text).map_err(|error| error.to_string())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(&text.to_ascii_uppercase()).map_err(|error| error.to_string())
}

/// `400s`, `5m`, `-1h`, in milliseconds.
fn skew(text: &str) -> Result<i64, String> {
    let wrong = || "a number with s, m or h behind it, such as 400s".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let number = i64::from_str(number).map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds * 1000)
        .ok_or_else(|| "too far".to_owned())
}

const EXAMPLES: &str = "\
Examples:
  What Stripe sends when a payment succeeds, to the source of the configuration that is Stripe's:
    payhook --config payhook.toml trigger stripe payment_intent.succeeded

  Without a configuration, the secret in a variable, to any URL:
    payhook trigger adyen captured --secret-env ADYEN_HMAC --url http://127.0.0.1:8080/webhooks/adyen

  The same event twice; the life of a payment the wrong way round; a forgery; a replay:
    payhook trigger razorpay captured --duplicate
    payhook trigger paddle refunded --out-of-order
    payhook trigger square captured --bad-signature
    payhook trigger stripe captured --skew 400s

  A load of 10,000 webhooks, 500 a second:
    payhook trigger stripe captured --burst 10000 --rate 500

  What there is to trigger:
    payhook trigger worldpay

Exit code: 0 all were accepted, 1 some were refused, 2 nothing could be sent.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_our_word_and_by_the_providers() {
        for id in ProviderId::ALL {
            for (occasion, sample) in occasions(id.spec()) {
                assert_eq!(find(id.spec(), occasion.as_str()).unwrap(), occasion);
                assert!(find(id.spec(), &sample.event_type).is_ok());
            }
            assert!(find(id.spec(), "no such thing").is_err());
        }
    }

    #[test]
    fn a_skew_has_a_unit_and_a_sign() {
        for (text, millis) in [("400s", 400_000), ("-5m", -300_000), ("1h", 3_600_000)] {
            assert_eq!(skew(text), Ok(millis));
        }
        for text in ["", "s", "400", "4d", "1.5s", "99999999999999999999s"] {
            assert!(skew(text).is_err(), "{text}");
        }
    }
}
