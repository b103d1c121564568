//! `payhook send`: signs webhooks and sends them, as a provider would; one, or a burst.
//!
//! It trusts nothing that comes back: answers are bounded, and only shown.

pub(super) mod answer;
pub(super) mod burst;
pub(super) mod webhook;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use domain::source::Source;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Serialize;

use super::output::{Output, Tone};
use super::source_args::{DEFAULT_SOURCE, SourceArgs, Sources};
use super::{Context, input};
use crate::config::Config;
use crate::runtime_file::RuntimeFile;
use answer::{Answer, Sender};
use webhook::{Fields, Webhook, Writer};

/// What to send, where to, and how often.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to [default: the running server that the configuration's data directory knows, or
    /// server.listen].
    #[arg(long)]
    url: Option<String>,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    fields: Fields,

    /// The body instead: a file whose exact bytes are sent, or - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = Fields::NAMES)]
    body: Option<PathBuf>,

    /// A further header, as curl takes it; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// Sign with a secret that is wrong, as a forger would.
    #[arg(long)]
    bad_signature: bool,

    /// Send each webhook so many times more, as providers do that did not hear our answer.
    #[arg(long, value_name = "N", default_value_t = 0)]
    duplicate: u32,

    /// Send nothing; print the same request as a curl command.
    #[arg(long, conflicts_with_all = ["count", "duplicate"])]
    dry_run: bool,

    /// Longest wait for one answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    timeout_ms: u64,

    #[command(flatten)]
    burst: burst::BurstArgs,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    url: &'a str,
    answers: &'a [Sent],
}

/// A webhook that was sent, and what came back.
#[derive(Debug, Serialize)]
struct Sent {
    body: String,
    #[serde(flatten)]
    answer: Answer,
}

/// Sends it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let sources = args.source.resolve(context)?;
    let url = url_of(args.url.as_deref(), &sources.source, &sources.config)?;
    let writer = writer(&args, &sources)?;
    let output = context.output;
    if args.dry_run {
        let command = writer.write(0)?.curl(&url);
        if output.is_json() {
            output.json(&serde_json::json!({ "url": url, "curl": command }))?;
        } else {
            output.line(command);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let sender = Sender::new(client(&args)?, url);
    let all_accepted = if args.burst.is_burst() {
        let write = |number| writer.write(number);
        burst::run(&args.burst, args.duplicate, &sender, &write, output).await?
    } else {
        one(&args, &sender, &writer, output).await?
    };
    Ok(if all_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn one(
    args: &Args,
    sender: &Sender,
    writer: &Writer,
    output: Output,
) -> anyhow::Result<bool> {
    let webhook = writer.write(0)?;
    let mut answers = Vec::new();
    for _ in 0..=args.duplicate {
        answers.push(sender.send(&webhook).await.with_context(|| {
            format!(
                "nothing came back from {}; is `payhook serve` running?",
                sender.url()
            )
        })?);
    }
    let all_accepted = answers.iter().all(Answer::is_accepted);
    if output.is_json() {
        let sent = answers.into_iter().map(|answer| Sent {
            body: webhook.text(),
            answer,
        });
        output.json(&Report {
            url: sender.url(),
            answers: &sent.collect::<Vec<_>>(),
        })?;
    } else {
        print_answers(output, sender.url(), &webhook, &answers);
    }
    Ok(all_accepted)
}

/// Prints a webhook, and what came back each time it was sent.
pub(super) fn print_answers(output: Output, url: &str, webhook: &Webhook, answers: &[Answer]) {
    output.line(output.paint(Tone::Faint, &format!("POST {}", webhook.url(url))));
    output.line(output.paint(Tone::Faint, &webhook.text()));
    for answer in answers {
        let tone = if answer.is_accepted() {
            Tone::Good
        } else {
            Tone::Bad
        };
        let word = output.paint(tone, &format!("{} {}", answer.status, answer.word));
        let body = match answer.body.as_str() {
            Some(text) => text.to_owned(),
            None => answer.body.to_string(),
        };
        output.line(format!("{word} in {} {body}", answer.latency_text()));
    }
    if let Some(trace) = answers.iter().find_map(|answer| answer.trace_id.as_ref()) {
        output.line(output.paint(Tone::Faint, &format!("trace {trace}")));
    }
}

fn writer(args: &Args, sources: &Sources) -> anyhow::Result<Writer> {
    let body = args.body.as_deref().map(input::bytes).transpose()?;
    let headers = args
        .header
        .iter()
        .map(|text| super::source_args::header(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let writer = Writer::new(&sources.source, args.fields.clone(), headers)?;
    let writer = match body {
        Some(body) => writer.with_body(Bytes::from(body)),
        None => writer,
    };
    Ok(if args.bad_signature {
        writer.forging()
    } else {
        writer
    })
}

fn client(args: &Args) -> anyhow::Result<Client> {
    ensure!(
        args.timeout_ms > 0,
        "--timeout-ms is 0: no answer could come"
    );
    Client::builder()
        .timeout(Duration::from_millis(args.timeout_ms))
        // A webhook is for one address. Providers follow no redirect either.
        .redirect(Policy::none())
        .pool_max_idle_per_host(args.burst.concurrency())
        .build()
        .context("the HTTP client cannot be started")
}

/// The URL that was given, or the one under which the server of the configuration has the source.
pub(super) fn url_of(
    given: Option<&str>,
    source: &Source,
    config: &Config,
) -> anyhow::Result<String> {
    if let Some(url) = given {
        let parsed = Url::parse(url).with_context(|| format!("{url:?} is not a URL"))?;
        ensure!(
            ["http", "https"].contains(&parsed.scheme()),
            "{url:?} does not begin with http:// or https://"
        );
        return Ok(url.to_owned());
    }
    ensure!(
        config.server.tls.is_none(),
        "this server speaks TLS: say with --url under which name its certificate is good, such as \
         https://pay.example.com/webhooks"
    );
    // The file may be left by a server that was killed; then nobody answers, and we say so.
    let listen =
        RuntimeFile::read(&config.store.path).map_or(config.server.listen, |file| file.listen);
    let base = config.server.base_path.trim_end_matches('/');
    let path = match source.name.as_str() {
        DEFAULT_SOURCE => String::new(),
        name => format!("/{name}"),
    };
    Ok(format!("http://{}{base}/webhooks{path}", reachable(listen)))
}

/// An address to connect to, for one that a listener was told to take.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

const EXAMPLES: &str = "\
Examples:
  One webhook to the server that `payhook serve --dev` has started:
    payhook send --dev --amount 99.99 --currency EUR

  The same event three times, as a provider that did not hear the answer:
    payhook send --dev --event-id evt_1 --duplicate 2

  The exact bytes of a file, to another machine, the secret in a variable:
    payhook send --url https://pay.example.com/webhooks/shop --source shop \\
        --secret-env SHOP_SECRET --body event.json

  A burst: 10,000 webhooks, 500 a second:
    payhook send --dev --count 10000 --rate 500 --concurrency 64

  The curl command that does the same:
    payhook send --dev --payment-id pay_1 --dry-run

Exit code: 0 all were accepted, 1 some were refused, 2 nothing could be sent.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_on_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let found = reachable(listen.parse().unwrap());
            assert_eq!(found.to_string(), expected);
        }
    }
}
