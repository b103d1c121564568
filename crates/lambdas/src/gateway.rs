//! The HTTP gateway with credentials from the vault, followed as they are rotated.
//!
//! The credentials are a secret whose value is a JSON object of header names and values. They are
//! read when they are first needed, again when they are old, and once more when the gateway
//! rejects them: asking it again is safe, because the idempotency key is the event's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::secret::Secret;
use domain::time::{Millis, Timestamp};
use engine::clock::Clock;
use processor::gateway::http::{HttpGateway, ReceiptPointers};
use processor::gateway::{GatewayFailure, GatewayReceipt, GatewayRequest, PaymentGateway};
use processor::http_client::{HttpClient, InvalidTarget, Target};
use tracing::warn;

use crate::vault::Vault;

/// Where the gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySettings {
    /// Its endpoint.
    pub url: String,
    /// Longest time for one call.
    pub timeout: Millis,
    /// The secret with the headers to send, if any are to be sent.
    pub headers_secret: Option<String>,
    /// Age at which the headers are read again.
    pub refresh: Millis,
}

/// An HTTP gateway and its vault.
pub struct RotatingGateway<V> {
    client: HttpClient,
    settings: GatewaySettings,
    vault: V,
    clock: Arc<dyn Clock>,
    known: Mutex<Option<(Timestamp, Arc<HttpGateway>)>>,
}

impl<V: Vault> RotatingGateway<V> {
    /// A gateway whose credentials are not read yet.
    ///
    /// # Errors
    /// The URL is none, or TLS cannot be set up.
    pub fn try_new(
        settings: GatewaySettings,
        vault: V,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidTarget> {
        Target::try_new(&settings.url, settings.timeout, &[])?;
        Ok(Self {
            client: HttpClient::try_new()?,
            settings,
            vault,
            clock,
            known: Mutex::default(),
        })
    }

    /// The gateway with the credentials of now; the old ones when they cannot be read.
    async fn gateway(&self, now: Timestamp, younger_than: Millis) -> Option<Arc<HttpGateway>> {
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.clone()
        };
        if let Some((read_at, gateway)) = &known
            && now.since(*read_at) < younger_than
        {
            return Some(Arc::clone(gateway));
        }
        let Some(headers) = self.headers().await else {
            return known.map(|(_, gateway)| gateway);
        };
        let target = match Target::try_new(&self.settings.url, self.settings.timeout, &headers) {
            Ok(target) => target,
            Err(invalid) => {
                warn!(%invalid, "the gateway's headers cannot be sent");
                return known.map(|(_, gateway)| gateway);
            }
        };
        let client = self.client.clone();
        let gateway = Arc::new(HttpGateway::new(client, target, ReceiptPointers::default()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((now, Arc::clone(&gateway)));
        Some(gateway)
    }

    async fn headers(&self) -> Option<Vec<(String, Secret)>> {
        let Some(secret_id) = &self.settings.headers_secret else {
            return Some(Vec::new());
        };
        let current = self.vault.current(secret_id).await.ok()?;
        let headers: Option<BTreeMap<String, String>> = serde_json::from_slice(&current.value).ok();
        if headers.is_none() {
            warn!(
                secret_id,
                "the secret is no JSON object of header names and values"
            );
        }
        let secret = |(name, value): (String, String)| (name.clone(), Secret::new(name, value));
        Some(headers?.into_iter().map(secret).collect())
    }
}

impl<V: Vault> PaymentGateway for RotatingGateway<V> {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        const NO_CREDENTIALS: GatewayFailure = GatewayFailure::Unavailable {
            status: None,
            retry_after: None,
        };
        let gateway = self
            .gateway(self.clock.now(), self.settings.refresh)
            .await
            .ok_or(NO_CREDENTIALS)?;
        let answer = gateway.settle(&self.as_of_now(request)).await;
        let rejected = matches!(answer, Err(GatewayFailure::Rejected { status: 401 | 403 }));
        if !rejected || self.settings.headers_secret.is_none() {
            return answer;
        }
        let Some(renewed) = self.gateway(self.clock.now(), Millis::new(0)).await else {
            return answer;
        };
        renewed.settle(&self.as_of_now(request)).await
    }
}

impl<V: Vault> RotatingGateway<V> {
    /// The same request with what is left of its time.
    fn as_of_now(&self, request: &GatewayRequest) -> GatewayRequest {
        GatewayRequest {
            now: self.clock.now(),
            ..request.clone()
        }
    }
}

impl<V> std::fmt::Debug for RotatingGateway<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RotatingGateway")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
