//! `payhook providers`: what is known of each provider, from the same facts that the verifiers use.

use std::process::ExitCode;

use domain::providers::{Ack, Amounts, Occasion, ProviderId, Spec};
use serde::Serialize;

use super::Context;
use super::output::Output;
use crate::config::sources::ProviderName;

/// Which provider, and in which form.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this one, with everything that is known of it.
    provider: Option<ProviderName>,
    /// As the document that payhook ships.
    #[arg(long, hide = true)]
    markdown: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderView {
    name: &'static str,
    title: &'static str,
    header: &'static str,
    algorithm: &'static str,
    signed: &'static str,
    tolerance: &'static str,
    dedupe: &'static str,
    fields: &'static str,
    amounts: &'static str,
    exponents: Vec<String>,
    ack: String,
    retries: &'static str,
    evidence: &'static str,
    unconfirmed: &'static str,
    sources: &'static [&'static str],
    events: Vec<&'static str>,
}

/// Prints them.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    if args.markdown {
        output.line(markdown());
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = ProviderId::ALL
        .into_iter()
        .filter(|id| args.provider.is_none_or(|wanted| wanted.0 == *id));
    let views: Vec<ProviderView> = chosen.map(|id| ProviderView::new(id.spec())).collect();
    if output.is_json() {
        output.json(&views)?;
    } else if args.provider.is_some() {
        views.iter().for_each(|view| view.print(output));
    } else {
        let row = |view: &ProviderView| {
            [
                view.name.to_owned(),
                view.title.to_owned(),
                view.header.to_owned(),
                view.evidence.to_owned(),
            ]
        };
        let headings = ["NAME", "PROVIDER", "SIGNATURE", "PROVED BY"];
        output.table(headings, views.iter().map(row).collect());
    }
    Ok(ExitCode::SUCCESS)
}

impl ProviderView {
    fn new(spec: &'static Spec) -> Self {
        let facts = &spec.facts;
        Self {
            name: spec.name,
            title: spec.title,
            header: facts.header,
            algorithm: facts.algorithm,
            signed: facts.signed,
            tolerance: facts.tolerance,
            dedupe: facts.dedupe,
            fields: facts.fields,
            amounts: match spec.amounts {
                Amounts::Minor => "minor units",
                Amounts::Major => "major units",
                Amounts::None => "none",
            },
            exponents: spec
                .exponents
                .iter()
                .map(|(code, exponent)| format!("{code}={exponent}"))
                .collect(),
            ack: match spec.ack {
                Ack::Any2xx => "any 2xx".to_owned(),
                Ack::Text(text) => format!("200 with `{text}`"),
            },
            retries: facts.retries,
            evidence: facts.evidence.title(),
            unconfirmed: facts.unconfirmed,
            sources: facts.sources,
            events: super::trigger::occasions(spec)
                .map(|(occasion, _)| Occasion::as_str(occasion))
                .collect(),
        }
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![
            ("signature", self.header.to_owned()),
            ("algorithm", self.algorithm.to_owned()),
            ("signed", self.signed.to_owned()),
            ("tolerance", self.tolerance.to_owned()),
            ("dedupe", self.dedupe.to_owned()),
            ("fields", self.fields.to_owned()),
            ("amounts", self.amounts.to_owned()),
        ];
        if !self.exponents.is_empty() {
            rows.push(("exponents", self.exponents.join(", ")));
        }
        rows.extend([
            ("answer", self.ack.clone()),
            ("retries", self.retries.to_owned()),
            ("proved by", self.evidence.to_owned()),
        ]);
        if !self.unconfirmed.is_empty() {
            rows.push(("unconfirmed", self.unconfirmed.to_owned()));
        }
        rows.push(("trigger", self.events.join(", ")));
        rows.push(("sources", self.sources.join(", ")));
        rows
    }

    fn print(&self, output: Output) {
        output.line(format!("{} ({})", self.title, self.name));
        for (name, value) in self.rows() {
            output.line(format!("  {name:<12} {value}"));
        }
    }
}

fn markdown() -> String {
    let mut text = String::from(
        "# Providers\n\n\
         This file is written by `payhook providers --markdown` from the same facts that the \
         verifiers and readers use; a test fails while it is stale. `payhook providers NAME` shows \
         one of them in a terminal.\n\n\
         *Proved by* says how far a verifier is to be trusted: *published vectors* are signatures that \
         the provider, its SDKs or its documents have published; *SDK cross-check* means that a client \
         library of the provider signs what we verify, or verifies what we sign, in our own tests; \
         *independent library* means the same of somebody else's library; *documentation only* \
         means that nobody but the documents agrees with us yet.\n\n\
         | name | provider | signature | signed bytes | tolerance | event key | proved by |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let cell = |text: &str| text.replace('|', "\\|");
    for id in ProviderId::ALL {
        let spec = id.spec();
        let facts = &spec.facts;
        let cells = [
            format!("`{}`", spec.name),
            spec.title.to_owned(),
            facts.header.to_owned(),
            facts.signed.to_owned(),
            facts.tolerance.to_owned(),
            facts.dedupe.to_owned(),
            facts.evidence.title().to_owned(),
        ];
        let row: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        text += &format!("| {} |\n", row.join(" | "));
    }
    for id in ProviderId::ALL {
        let view = ProviderView::new(id.spec());
        text += &format!(
            "\n## {} (`{}`)\n\n| | |\n|---|---|\n",
            view.title, view.name
        );
        for (name, value) in view.rows() {
            let value = if name == "sources" {
                view.sources
                    .iter()
                    .map(|source| match source.starts_with("http") {
                        true => format!("<{source}>"),
                        false => (*source).to_owned(),
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            } else {
                cell(&value)
            };
            text += &format!("| {name} | {value} |\n");
        }
    }
    text.truncate(text.trim_end().len());
    text
}
