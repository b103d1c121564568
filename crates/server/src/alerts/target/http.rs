//! One bounded POST. It follows no redirection, takes no proxy from the environment, and tells
//! nothing of the URL, which may be a secret, nor of the other side's words.

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};

use super::SendFailure;

/// What is said of a message that will never be taken. Any other refusal is of the way there, which
/// a person can mend: a wrong token, a path that is gone.
const REJECTIONS: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// Where it goes.
pub(crate) struct Post {
    client: Client,
    url: Url,
}

/// Why nothing can be posted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPost {
    /// The system's certificates cannot be used.
    #[error("TLS cannot be set up on this machine")]
    Tls,
}

impl Post {
    /// A way to `url`, for messages that may take `timeout` each.
    ///
    /// # Errors
    /// See [`NoPost`].
    pub(crate) fn try_new(url: Url, timeout: Duration) -> Result<Self, NoPost> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(timeout)
            // An alert is seldom: a connection that waits for the next one is soon dead.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("payhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| NoPost::Tls)?;
        Ok(Self { client, url })
    }

    /// Posts JSON. Only a 2xx is a yes.
    pub(crate) async fn send(
        &self,
        headers: &[(String, String)],
        body: impl Into<reqwest::Body>,
    ) -> Result<(), SendFailure> {
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|_| SendFailure::Unwritable)?;
            let value = HeaderValue::try_from(value).map_err(|_| SendFailure::Unwritable)?;
            map.insert(name, value);
        }
        let request = self.client.post(self.url.clone()).headers(map).body(body);
        let answer = request.send().await.map_err(|error| {
            if error.is_timeout() {
                SendFailure::Timeout
            } else {
                SendFailure::Unreachable
            }
        })?;
        // Its words are of no use to anybody here, and are not read.
        match answer.status() {
            status if status.is_success() => Ok(()),
            status if REJECTIONS.contains(&status) => Err(SendFailure::Rejected(status.as_u16())),
            status => Err(SendFailure::Refused(status.as_u16())),
        }
    }
}

/// Shows nothing of the URL but whose it is.
impl fmt::Debug for Post {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Post")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}
