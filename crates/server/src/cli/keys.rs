//! `payhook keys`: what everything that was received is sealed under.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Context;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::desk::RewrapRequest;
use crate::view::KeysView;

/// What to do with the keys.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the wrapping keys: which master key they are under, and how many keys each wraps.
    List,
    /// Make a new wrapping key. Everything that comes from now on is sealed under it.
    Rotate {
        /// Why, for whoever reads the audit log.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Wrap anew what older keys wrap, and destroy those; seal what came before there were keys.
    /// Goes on where it was broken off.
    Rewrap {
        /// Why, for whoever reads the audit log.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Make a master key in a new file, for `[encryption] master_key`.
    Generate {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    match args.action {
        Action::List => {
            let keys = context.access(Purpose::Look).await?.keys().await?;
            if output.is_json() {
                output.json(&keys)?;
            } else {
                print(output, &keys);
            }
        }
        Action::Rotate { reason } => {
            let access = context.access(Purpose::Act).await?;
            let rotated = access.rotate_key(reason).await?;
            if output.is_json() {
                output.json(&rotated)?;
            } else {
                output.line(format!(
                    "Key {} wraps everything that comes from now on. What older keys wrap is \
                     wrapped anew by `payhook keys rewrap`.",
                    rotated.id
                ));
            }
        }
        Action::Rewrap { reason } => rewrap(context, reason).await?,
        Action::Generate { file } => {
            let key = vault::file::create(&file)?;
            let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
            let folder = folder.unwrap_or(std::path::Path::new("."));
            std::fs::File::open(folder)
                .and_then(|folder| folder.sync_all())
                .with_context(|| format!("{} cannot be synced", folder.display()))?;
            let id = key.id().to_string();
            if output.is_json() {
                output.json(&json!({ "file": file, "master": id }))?;
            } else {
                output.line(format!(
                    "Master key {id} is in {}. Keep a copy of it apart from every backup: without \
                     it nothing that was received can be read.",
                    file.display()
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Round by round, so that webhooks are taken in between.
async fn rewrap(context: &Context, reason: Option<String>) -> anyhow::Result<()> {
    let output = context.output;
    let access = context.access(Purpose::Act).await?;
    let left = access.keys().await?.left();
    let bar = if output.is_json() {
        ProgressBar::hidden()
    } else {
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len}  {eta} left")?;
        ProgressBar::new(left).with_style(style)
    };
    let mut done = 0;
    let mut request = RewrapRequest {
        after: None,
        reason,
    };
    loop {
        let round = access.rewrap(&request).await?;
        done += round.done;
        bar.set_position(done);
        match round.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    let keys = access.keys().await?;
    if output.is_json() {
        output.json(&json!({ "done": done, "left": keys.left() }))?;
    } else {
        output.line(format!("{done} done, {} left.", keys.left()));
    }
    Ok(())
}

fn print(output: Output, keys: &KeysView) {
    let rows = keys.keys.iter().map(|key| {
        [
            key.id.to_string(),
            key.master.clone(),
            key.made_at.clone(),
            key.wraps.to_string(),
        ]
    });
    output.table(["KEY", "MASTER", "MADE", "WRAPS"], rows.collect());
    if keys.left() > 0 {
        let words = format!(
            "{} wrapped by an older key, {} not sealed yet: `payhook keys rewrap`",
            keys.stale, keys.unsealed
        );
        output.line(output.paint(Tone::Warning, &words));
    }
    if keys.shredded > 0 {
        output.line(format!("{} shredded", keys.shredded));
    }
}

const EXAMPLES: &str = "\
Examples:
  A new wrapping key, online, and the old one destroyed:
    payhook keys rotate --reason 'yearly' && payhook keys rewrap --reason 'yearly'

  Another master key: name the new one in `master_key` and the old one in `previous`, and start
  payhook; then `previous` can go. The store's own key needs not be named.
    payhook keys generate /etc/payhook/master.key";
