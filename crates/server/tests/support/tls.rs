//! Certificates, and clients that look at them.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::home::Home;

/// A certificate of its own for `localhost`, and its key.
pub(crate) struct Pair {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// The files that a server is told of.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let CertifiedKey { cert, signing_key } = made;
        Self {
            certificate: cert.der().clone(),
            certificate_pem: cert.pem(),
            key_pem: signing_key.serialize_pem(),
        }
    }
}

impl Files {
    /// The files in `home`, with `pair` in them.
    pub(crate) fn new(home: &Home, pair: &Pair) -> Self {
        let files = Self {
            certificate: home.path().join("certificate.pem"),
            key: home.path().join("key.pem"),
        };
        files.write(&pair.certificate_pem, &pair.key_pem);
        files
    }

    pub(crate) fn write(&self, certificate: &str, key: &str) {
        fs::write(&self.certificate, certificate).unwrap();
        fs::write(&self.key, key).unwrap();
        self.allow(0o600);
    }

    /// Who may read the key.
    pub(crate) fn allow(&self, mode: u32) {
        fs::set_permissions(&self.key, Permissions::from_mode(mode)).unwrap();
    }

    /// The configuration that names them.
    pub(crate) fn config(&self) -> String {
        format!(
            "server.tls = {{ certificate_file = '{}', key_file = '{}', look_every_ms = 20 }}\n",
            self.certificate.display(),
            self.key.display()
        )
    }
}

/// A connection that trusts `pair` and nobody else.
pub(crate) async fn connect(
    to: SocketAddr,
    pair: &Pair,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(pair.certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(to).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}
