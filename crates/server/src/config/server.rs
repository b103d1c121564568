//! The listener that providers call.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use engine::ingress::{Failures, InvalidNetwork, Network, Rate};
use engine::metrics::Metrics;
use serde::{Deserialize, Serialize};

use crate::http::proxies::{ForwardedHeader, Proxies};
use crate::http::tls::{Certificate, Files};

/// `rate` of a source, and others: so many each second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct RateConfig {
    /// What is earned back each second.
    pub(crate) per_second: u32,
    /// Most at once.
    pub(crate) burst: u32,
}

/// `[server.failures]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailuresConfig {
    /// Those of one address at one source.
    pub(crate) of_client: RateConfig,
    /// Those of everybody at one source.
    pub(crate) of_source: RateConfig,
}

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TlsConfig {
    /// A file with the certificate and those between it and a root, in PEM.
    pub(crate) certificate_file: PathBuf,
    /// A file with its private key, in PEM.
    pub(crate) key_file: PathBuf,
    /// How often the files are looked at for newer ones, in milliseconds.
    #[serde(default = "look_every_ms")]
    pub(crate) look_every_ms: u64,
}

impl TlsConfig {
    fn files(&self) -> Files {
        Files {
            certificate: self.certificate_file.clone(),
            key: self.key_file.clone(),
        }
    }
}

fn look_every_ms() -> u64 {
    60_000
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ServerConfig {
    /// Address and port. Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// A path before `/webhooks`, such as `/prod`.
    pub(crate) base_path: String,
    /// Longest body, in bytes.
    pub(crate) body_bytes_max: usize,
    /// Longest time for a request's head, in milliseconds.
    pub(crate) head_timeout_ms: u64,
    /// Longest time for a request's body, in milliseconds.
    pub(crate) body_timeout_ms: u64,
    /// Longest time in which a sender takes nothing of its answer, in milliseconds.
    pub(crate) answer_timeout_ms: u64,
    /// Longest wait for custody before a sender is told to try again, in milliseconds.
    pub(crate) custody_timeout_ms: u64,
    /// Most requests whose bodies are in memory at once.
    pub(crate) requests_max: usize,
    /// Most open connections.
    pub(crate) connections_max: usize,
    /// The proxies whose word about their callers is taken.
    pub(crate) trusted_proxies: Vec<String>,
    /// The header in which they give it.
    pub(crate) forwarded_header: ForwardedHeader,
    /// The certificate of the listener, which then speaks TLS and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<TlsConfig>,
    /// What deliveries that prove nothing may cost, by address and by source.
    pub(crate) failures: FailuresConfig,
    /// Longest time for finishing what was begun when asked to stop, in milliseconds.
    pub(crate) stop_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            base_path: String::new(),
            body_bytes_max: domain::limits::BODY_BYTES_MAX,
            head_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            answer_timeout_ms: 10_000,
            custody_timeout_ms: 4_000,
            requests_max: 1024,
            connections_max: 4096,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            tls: None,
            failures: FailuresConfig::default(),
            stop_timeout_ms: 20_000,
        }
    }
}

impl Default for FailuresConfig {
    fn default() -> Self {
        Self {
            of_client: RateConfig {
                per_second: 10,
                burst: 100,
            },
            of_source: RateConfig {
                per_second: 100,
                burst: 1000,
            },
        }
    }
}

impl RateConfig {
    /// The rate, if it is one.
    pub(crate) fn build(self) -> anyhow::Result<Rate> {
        ensure!(
            self.per_second > 0 && self.burst > 0,
            "per_second and burst must be at least 1: with 0 nothing would ever be let in"
        );
        Ok(Rate {
            per_second: self.per_second,
            burst: self.burst,
        })
    }
}

impl ServerConfig {
    /// The listener's certificate, if it has one.
    pub(crate) fn certificate(
        &self,
        metrics: &Arc<Metrics>,
    ) -> anyhow::Result<Option<Arc<Certificate>>> {
        let Some(tls) = &self.tls else {
            return Ok(None);
        };
        let look_every = Duration::from_millis(tls.look_every_ms.max(1));
        let opened = Certificate::open(tls.files(), look_every, Arc::clone(metrics));
        opened.map(Some).context("[server.tls]")
    }

    /// What keeps the certificate from being used.
    pub(crate) fn check_certificate(&self) -> anyhow::Result<()> {
        let files = self.tls.as_ref().map(TlsConfig::files);
        let checked = files.map_or(Ok(()), |files| Certificate::check(&files));
        checked.context("[server.tls]")
    }

    /// The proxies before the listener.
    pub(crate) fn proxies(&self) -> anyhow::Result<Proxies> {
        Ok(Proxies {
            trusted: networks(&self.trusted_proxies).context("server.trusted_proxies")?,
            header: self.forwarded_header,
        })
    }

    /// What failures may cost.
    pub(crate) fn failures(&self) -> anyhow::Result<Failures> {
        let rate = |rate: RateConfig, key: &str| {
            rate.build()
                .with_context(|| format!("server.failures.{key}"))
        };
        Ok(Failures {
            of_client: rate(self.failures.of_client, "of_client")?,
            of_source: rate(self.failures.of_source, "of_source")?,
        })
    }
}

/// Networks as they are written.
pub(super) fn networks(texts: &[String]) -> anyhow::Result<Vec<Network>> {
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|why: InvalidNetwork| anyhow!("{text:?} {why}"))
        })
        .collect()
}
