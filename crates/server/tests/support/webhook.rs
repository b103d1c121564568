//! Webhooks as providers send them.

use std::net::SocketAddr;

use domain::providers::SchemeChanges;
use domain::providers::generic::hmac_scheme;
use reqwest::{Client, RequestBuilder};

use super::home::SECRET;

/// One webhook: where it goes, and every byte of it.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Webhook {
    /// A body to the generic source, signed with its secret.
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        Self::unsigned(body).signed_with(SECRET)
    }

    /// A body to the generic source, without a signature.
    pub(crate) fn unsigned(body: impl Into<Vec<u8>>) -> Self {
        Self {
            path: "/webhooks".to_owned(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// A payment and its event, signed.
    pub(crate) fn payment(payment: &str, event: &str) -> Self {
        Self::new(body(payment, event))
    }

    pub(crate) fn signed_with(mut self, secret: &str) -> Self {
        let signature = signature(secret, &self.body);
        self.headers
            .retain(|(name, _)| name != "x-webhook-signature");
        self.with("x-webhook-signature", &signature)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(crate) fn request(&self, client: &Client, to: SocketAddr) -> RequestBuilder {
        let request = client.post(format!("http://{to}{}", self.path));
        self.headers
            .iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            })
            .body(self.body.clone())
    }
}

/// A body of the generic source.
pub(crate) fn body(payment: &str, event: &str) -> String {
    format!(
        r#"{{"paymentId":"{payment}","amount":12.50,"currency":"EUR","status":"pending","provider":"stripe","eventId":"{event}"}}"#
    )
}

/// What the generic source's header holds for `body`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let scheme = hmac_scheme(&SchemeChanges::default(), None).unwrap();
    scheme.sign_body(secret.as_bytes(), body)
}
