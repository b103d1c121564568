//! What an operator says of the providers' APIs, checked before anything is sent.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::secret::Secret;
use domain::source::SourceName;
use domain::time::Millis;
use engine::upstream::UpstreamFailure;
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::{Mutex, Semaphore};

use crate::paypal::AccessToken;
use crate::rate::Rate;

/// The API of one source's provider.
#[derive(Clone)]
pub struct ApiSettings {
    /// The API key. PayPal's is `client_id:secret`.
    pub token: Secret,
    /// Where the API is; the provider's own address otherwise, which is PayPal's live one.
    /// Plain `http` is for loopback hosts only, where a test has its stand-in.
    pub base_url: Option<String>,
    /// How long one question may take, our own queue included.
    pub timeout: Millis,
}

/// What is the same for all sources.
#[derive(Debug, Clone)]
pub struct Options {
    /// For tests: certificates are fetched from under this loopback URL, PayPal's own too, by
    /// their last segment, and so are their issuers'. Chains are judged all the same.
    pub certificate_base: Option<String>,
    /// Roots (DER) that are trusted beside the public ones. For tests.
    pub extra_roots: Vec<Vec<u8>>,
    /// How long fetching a certificate may take.
    pub certificate_timeout: Millis,
    /// Most questions for the truth behind a source's hints that are open at once; at least one.
    pub truths_at_once: usize,
    /// Most hints a second that are followed of a source whose hints nobody signs; more are told
    /// to come again. Each costs a question to the provider, and a forger nothing.
    pub unsigned_hints_per_second: u32,
}

/// Deliveries that may wait for each question that may be open.
const WAITING_FOR_EACH: usize = 3;

const TRUTHS_AT_ONCE_MAX: usize = 10_000;

/// Why the APIs cannot be set up. The configuration is wrong; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// A base URL is none, or says more than a place: user, query and fragment do not belong there.
    #[error("{source_name}: the API's base URL is not an https URL of a host and perhaps a path")]
    BaseUrl {
        /// The source.
        source_name: SourceName,
    },
    /// A base URL is plain http and its host is not the loopback.
    #[error(
        "{source_name}: a token would travel in the clear: plain http is for loopback hosts only"
    )]
    PlainHttp {
        /// The source.
        source_name: SourceName,
    },
    /// A token is empty, or has characters that no API key has; perhaps a line end.
    #[error("{source_name}: the API token is empty or cannot be sent")]
    Token {
        /// The source.
        source_name: SourceName,
    },
    /// No answer could be in time.
    #[error("{source_name}: the API's timeout is zero")]
    Timeout {
        /// The source.
        source_name: SourceName,
    },
    /// Two APIs for one source.
    #[error("{source_name}: two APIs for one source")]
    Twice {
        /// The source.
        source_name: SourceName,
    },
    /// The stand-in for certificates is not on the loopback.
    #[error("the stand-in for certificates is not an http(s) URL on the loopback")]
    CertificateBase,
    /// An additional root is no certificate.
    #[error("an additional root is no certificate in DER")]
    Root,
    /// The TLS library or the system's certificates cannot be used.
    #[error("TLS cannot be set up on this machine")]
    Tls,
}

/// An API that can be called.
pub(crate) struct Api {
    token: Secret,
    pub(crate) base: Option<Url>,
    pub(crate) timeout: Duration,
    /// Calls for a truth that may be under way.
    pub(crate) truths: Semaphore,
    /// Deliveries that may wait for one, those under way included.
    pub(crate) waiting: Semaphore,
    /// Hints without a signature that may be followed.
    pub(crate) hints: Rate,
    /// What PayPal has given for the token.
    pub(crate) access: Mutex<Option<AccessToken>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            certificate_base: None,
            extra_roots: Vec::new(),
            certificate_timeout: Millis::from_secs(5),
            truths_at_once: 32,
            unsigned_hints_per_second: 50,
        }
    }
}

/// Shows neither the token nor a URL that somebody may have put one into.
impl fmt::Debug for ApiSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiSettings")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn try_new(
        source: &SourceName,
        settings: ApiSettings,
        options: &Options,
    ) -> Result<Self, InvalidUpstream> {
        let source_name = source.clone();
        let token = settings.token.expose();
        if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidUpstream::Token { source_name });
        }
        if settings.timeout == Millis::default() {
            return Err(InvalidUpstream::Timeout { source_name });
        }
        let base = match settings.base_url.as_deref().map(place) {
            None => None,
            Some(None) => return Err(InvalidUpstream::BaseUrl { source_name }),
            Some(Some(url)) if url.scheme() == "http" && !is_loopback(&url) => {
                return Err(InvalidUpstream::PlainHttp { source_name });
            }
            Some(Some(url)) => Some(url),
        };
        let at_once = options.truths_at_once.clamp(1, TRUTHS_AT_ONCE_MAX);
        Ok(Self {
            token: settings.token,
            base,
            timeout: settings.timeout.to_duration(),
            truths: Semaphore::new(at_once),
            waiting: Semaphore::new(at_once.saturating_mul(WAITING_FOR_EACH)),
            hints: Rate::per_second(options.unsigned_hints_per_second),
            access: Mutex::new(None),
        })
    }

    pub(crate) fn bearer(&self) -> Result<HeaderValue, UpstreamFailure> {
        bearer(self.token.expose())
    }

    /// The token as `user:password`.
    pub(crate) fn basic(&self) -> Result<HeaderValue, UpstreamFailure> {
        let token = self.token.expose();
        if !token.contains(&b':') {
            return Err(UpstreamFailure::Unauthorized);
        }
        authorization("Basic ", STANDARD.encode(token).as_bytes())
    }
}

pub(crate) fn bearer(token: &[u8]) -> Result<HeaderValue, UpstreamFailure> {
    authorization("Bearer ", token)
}

fn authorization(scheme: &str, credentials: &[u8]) -> Result<HeaderValue, UpstreamFailure> {
    let value = [scheme.as_bytes(), credentials].concat();
    let value = HeaderValue::from_bytes(&value);
    let mut value = value.map_err(|_| UpstreamFailure::Unauthorized)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A URL that names a host, and perhaps a folder on it, and nothing else.
pub(crate) fn place(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let is_web = ["http", "https"].contains(&url.scheme()) && url.has_host();
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (is_web && is_bare).then_some(url)
}

/// Whether the URL's host is this machine, by its address or by the one name that always is.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<std::net::IpAddr> = host.parse().ok();
    address.map_or(host == "localhost", |address| address.is_loopback())
}
