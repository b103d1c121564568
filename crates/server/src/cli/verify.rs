//! `payhook verify`: whether a delivery would be accepted, and if not, why not.
//!
//! Offline: no server is asked, nothing is kept. It never prints a secret, nor the signature
//! that would have been right.

mod report;
mod request;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use domain::admit::Refusal;
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::diagnosis::{Diagnosis, diagnose};
use domain::event::PaymentEvent;
use domain::signature::ProofKind;
use domain::source::Source;
use domain::time::Timestamp;
use engine::clock::{Clock as _, SystemClock};

use super::Context;
use super::input;
use super::source_args::{SourceArgs, Sources, header};

/// What to verify.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// The body: a file with its exact bytes, or - for standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "request")]
    body: Option<PathBuf>,

    /// A header of the delivery, as curl takes it; may be given several times.
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// The value of the signature header, instead of --header.
    #[arg(long, value_name = "VALUE")]
    signature: Option<String>,

    /// The query of the URL that was called, for providers that sign a part of it.
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,

    /// A whole HTTP request, head and body, as a proxy or a capture has written it down.
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    request: Option<PathBuf>,

    /// When it was received: secrets retire. As 2026-11-23T10:00:00Z, or in milliseconds.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    at: Option<Timestamp>,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It would be accepted.
    Accepted {
        /// The label of the secret that matched.
        secret: String,
        /// How much it proves.
        proof: ProofKind,
        /// What it says.
        events: Vec<PaymentEvent>,
    },
    /// It would be refused unread.
    TooLong {
        /// The configured bound.
        bytes_max: usize,
    },
    /// Its sender is known, but it would be refused.
    Unreadable {
        /// The label of the secret that matched.
        secret: String,
        /// Why.
        refusal: Refusal,
    },
    /// Nothing proves who sent it.
    Unproven(Diagnosis),
}

/// Verifies it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let sources = args.source.resolve(context)?;
    let (delivery, notes) = delivery(args, &sources.source)?;
    let verdict = judge(&delivery, &sources);
    report::print(context.output, &verdict, &delivery, &notes)?;
    Ok(match verdict {
        Verdict::Accepted { .. } => ExitCode::SUCCESS,
        Verdict::TooLong { .. } | Verdict::Unreadable { .. } | Verdict::Unproven(_) => {
            ExitCode::FAILURE
        }
    })
}

fn judge(delivery: &RawDelivery, sources: &Sources) -> Verdict {
    let bytes_max = sources.config.server.body_bytes_max;
    if delivery.body.len() > bytes_max {
        return Verdict::TooLong { bytes_max };
    }
    let Source {
        provider, secrets, ..
    } = &sources.source;
    let verified = match provider.verify(delivery.clone(), secrets) {
        Ok(verified) => verified,
        Err((refusal, delivery)) => {
            return Verdict::Unproven(diagnose(
                refusal,
                &delivery,
                &sources.source,
                &sources.others,
            ));
        }
    };
    let secret = verified.secret_label().to_owned();
    match provider.read(&verified) {
        Ok(events) => Verdict::Accepted {
            secret,
            proof: verified.kind(),
            events,
        },
        Err(refusal) => Verdict::Unreadable {
            secret,
            refusal: refusal.into(),
        },
    }
}

fn delivery(args: &Args, source: &Source) -> anyhow::Result<(RawDelivery, Vec<String>)> {
    let mut notes = Vec::new();
    let mut pairs: Vec<(String, Bytes)> = Vec::new();
    let body = match (&args.request, &args.body) {
        (Some(path), _) => {
            let request = request::parse(&input::bytes(path)?)
                .with_context(|| format!("{} is no HTTP request", path.display()))?;
            pairs.extend(request.headers);
            pairs.extend(request.query.map(|query| (QUERY.to_owned(), query.into())));
            notes.extend(request.note);
            request.body
        }
        (None, Some(path)) => input::bytes(path)?,
        (None, None) => Vec::new(),
    };
    for text in &args.header {
        let (name, value) = header(text)?;
        pairs.push((name, value.into()));
    }
    if let Some(query) = &args.query {
        pairs.push((QUERY.to_owned(), query.clone().into()));
    }
    if let Some(signature) = &args.signature {
        let header = source
            .provider
            .scheme()
            .signature_header()
            .with_context(|| {
                format!(
                    "{} has its signatures in the body; --signature cannot hold one",
                    source.provider.spec().title
                )
            })?;
        pairs.push((header, signature.clone().into()));
    }
    let delivery = RawDelivery {
        source: source.name.clone(),
        headers: Headers::new(pairs),
        body: body.into(),
        received_at: args.at.unwrap_or_else(|| SystemClock.now()),
    };
    Ok((delivery, notes))
}

const EXAMPLES: &str = "\
Examples:
  A body in a file, the signature as it was sent, the secret from the configuration:
    payhook --config payhook.toml verify --body body.json \\
        -H 'X-Webhook-Signature: 5bdcc146…'

  Without a configuration, the secret in a variable:
    payhook verify --secret-env PAYHOOK_SECRET --body body.json --signature 5bdcc146…

  A request as a proxy has written it down, at the time it was received:
    payhook verify --source shop --request request.txt --at 2026-11-23T10:00:00Z

The body must be byte for byte what was sent: an editor that adds a line break breaks it.

Exit code: 0 it would be accepted, 1 it would not, 2 it could not be verified.";
