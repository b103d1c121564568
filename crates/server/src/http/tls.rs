//! The listener's certificate: read at the start, and again whenever its files change, without a
//! connection being dropped.
//!
//! A new certificate that cannot be used leaves the old one in place, and says so until it is mended:
//! in the log once, in a metric and in `/healthz` for as long. The key's bytes are in no message.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use engine::metrics::Metrics;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use zeroize::Zeroizing;

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// PEM: the certificate, and those between it and a root.
    pub(crate) certificate: PathBuf,
    /// PEM: its private key, which only its owner and group can read.
    pub(crate) key: PathBuf,
}

/// A certificate that follows its files.
pub(crate) struct Certificate {
    files: Files,
    look_every: Duration,
    acceptor: RwLock<TlsAcceptor>,
    seen: Mutex<Seen>,
    metrics: Arc<Metrics>,
}

/// What the files held when they were last looked at.
#[derive(Default)]
struct Seen {
    content: Option<Content>,
    /// What keeps it from being used.
    trouble: Option<String>,
}

#[derive(PartialEq)]
struct Content {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Certificate {
    /// Reads it.
    ///
    /// # Errors
    /// What keeps it from being used, with the file it is about.
    pub(crate) fn open(
        files: Files,
        look_every: Duration,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Arc<Self>> {
        let content = read(&files)?;
        let acceptor = acceptor(&files, &content)?;
        metrics.tls_certificate_stale.set(0);
        Ok(Arc::new(Self {
            files,
            look_every,
            acceptor: RwLock::new(acceptor),
            seen: Mutex::new(Seen {
                content: Some(content),
                trouble: None,
            }),
            metrics,
        }))
    }

    /// Reads it, and nothing more.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn check(files: &Files) -> anyhow::Result<()> {
        acceptor(files, &read(files)?).map(drop)
    }

    /// What the next connection is greeted with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let acceptor = self.acceptor.read();
        acceptor.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What keeps the files' certificate from being used, if anything does.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.seen().trouble.clone()
    }

    /// Looks at the files until told to stop.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.look_every) => {}
                () = stop.cancelled() => return,
            }
            let looking = Arc::clone(&self);
            // A panic while looking is this loop's own, which begins again.
            let looked = tokio::task::spawn_blocking(move || looking.look()).await;
            if let Err(panicked) = looked {
                std::panic::resume_unwind(panicked.into_panic());
            }
        }
    }

    /// Takes what the files hold now, if it is new and can be used.
    fn look(&self) {
        let read = read(&self.files);
        let mut seen = self.seen();
        let taken = match read {
            Ok(content) if seen.content.as_ref() == Some(&content) => return,
            Ok(content) => {
                let acceptor = acceptor(&self.files, &content);
                seen.content = Some(content);
                acceptor
            }
            Err(trouble) => {
                seen.content = None;
                Err(trouble)
            }
        };
        match taken {
            Ok(acceptor) => {
                *self
                    .acceptor
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = acceptor;
                seen.trouble = None;
                info!(file = %self.files.certificate.display(), "a new certificate is in use");
            }
            Err(trouble) => {
                let trouble = format!("{trouble:#}");
                if seen.trouble.as_ref() != Some(&trouble) {
                    warn!(
                        trouble,
                        "the new certificate cannot be used; the old one stays in use"
                    );
                }
                seen.trouble = Some(trouble);
            }
        }
        let is_stale = i64::from(seen.trouble.is_some());
        self.metrics.tls_certificate_stale.set(is_stale);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What is in it is replaced whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn read(files: &Files) -> anyhow::Result<Content> {
    let certificate = read_file(&files.certificate)?;
    refuse_open_key(&files.key)?;
    let key = Zeroizing::new(read_file(&files.key)?);
    Ok(Content { certificate, key })
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A key that everybody on the machine can read is none of ours alone. Its group may read it: that
/// is how a service's user is given what root owns.
#[cfg(unix)]
fn refuse_open_key(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let about = || format!("cannot read {}", path.display());
    let mode = fs::metadata(path).with_context(about)?.permissions().mode();
    ensure!(
        mode & 0o027 == 0,
        "{} can be read or written by others (mode {:03o}); `chmod 640` at most",
        path.display(),
        mode & 0o777
    );
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_key(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

fn acceptor(files: &Files, content: &Content) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(&content.certificate)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is no PEM", files.certificate.display()))?;
    ensure!(
        !chain.is_empty(),
        "{} holds no certificate",
        files.certificate.display()
    );
    let key = PrivateKeyDer::from_pem_slice(&content.key)
        .map_err(|_| anyhow::anyhow!("{} holds no private key in PEM", files.key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .context("TLS cannot be had")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            format!("{certificate} and {key} do not go together")
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
