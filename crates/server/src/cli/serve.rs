//! `payhook serve`: receives webhooks until it is told to stop.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use super::Context;
use crate::config::Config;
use crate::config::secrets::SecretConfig;
use crate::config::sources::SourceConfig;
use crate::service::Service;
use crate::{telemetry, wire};

/// The secret of `--dev`. It is no secret, and serves on loopback only.
pub(crate) const DEV_SECRET: &str = "payhook-dev-secret";

/// How to serve.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  payhook serve --dev                      try it: a known secret, loopback only
  payhook serve --config payhook.toml      with a configuration (see `payhook config default`)
  PAYHOOK_SECRET=… payhook serve           the generic source, its secret from the environment")]
pub(crate) struct Args {
    /// Serve with a known secret, on loopback only, for trying payhook out.
    #[arg(long)]
    dev: bool,
}

/// Serves.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut config = context.config()?;
    add_default_source(&mut config, args.dev)?;
    let problems = config.problems();
    ensure!(
        problems.is_empty(),
        "the configuration is not sound:\n  {}",
        problems.join("\n  ")
    );
    let _observer = telemetry::start(&config)?;
    if args.dev {
        warn!(
            secret = DEV_SECRET,
            "serving for development: anyone who can read this can sign"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("payhook")
        .build()
        .context("the runtime cannot be started")?;
    let in_order = runtime.block_on(serve(&config))?;
    Ok(if in_order {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn serve(config: &Config) -> anyhow::Result<bool> {
    // Before anything is started: a signal that comes while starting is not lost.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let service = Service::start(config, wire::sources(config)?).await?;
    let healthy = tokio::select! {
        _ = terminate.recv() => { info!("told to stop; finishing what was begun"); true }
        _ = interrupt.recv() => { info!("interrupted; finishing what was begun"); true }
        unavailable = service.failure() => {
            // Only opening the store again can help, and that is a new process's work.
            error!(%unavailable, "the store has failed; ending, to be started again once the disk is well");
            false
        }
    };
    let stopping = service.stop();
    tokio::select! {
        in_order = stopping => Ok(in_order && healthy),
        _ = interrupt.recv() => {
            warn!("interrupted again; what was not finished is taken up at the next start");
            Ok(false)
        }
    }
}

/// Without any source in the configuration, the generic one with the secret in the environment
/// or, for development, a known one.
pub(crate) fn add_default_source(config: &mut Config, dev: bool) -> anyhow::Result<()> {
    if !config.sources.is_empty() {
        ensure!(
            !dev,
            "--dev is for running without a configured source; leave one of them out"
        );
        return Ok(());
    }
    let secret = if dev {
        ensure!(
            config.server.listen.ip().is_loopback(),
            "--dev serves on loopback only, and server.listen is {}",
            config.server.listen
        );
        SecretConfig {
            value: Some(DEV_SECRET.to_owned()),
            in_clear: true,
            label: Some("dev".to_owned()),
            ..SecretConfig::default()
        }
    } else if std::env::var_os("PAYHOOK_SECRET").is_some() {
        SecretConfig {
            env: Some("PAYHOOK_SECRET".to_owned()),
            ..SecretConfig::default()
        }
    } else {
        return Ok(());
    };
    let source = SourceConfig {
        secrets: vec![secret],
        ..SourceConfig::default()
    };
    config.sources.insert("generic".to_owned(), source);
    Ok(())
}
