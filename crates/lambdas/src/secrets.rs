//! Sources whose secrets are rotated while we run.
//!
//! A source's secrets are read when they are first needed and again when they are old. A
//! signature that matches none of them may be made with a newer one, so they are also read then,
//! but not more often than a forger may cost us. When they cannot be read, the old ones go on:
//! a delivery that they prove is as genuine as before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::limits;
use domain::providers::Provider;
use domain::secret::Secret;
use domain::source::{Handling, Source, SourceName};
use domain::time::{Millis, Timestamp};
use engine::clock::Clock;
use engine::ingress::{SecretsUnavailable, Sources};
use futures_util::future::BoxFuture;
use tracing::{info, warn};

use crate::vault::{Stage, Vault, Version};

/// A source as the deployment describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// How its deliveries are verified and read.
    pub provider: Provider,
    /// What is done with a delivery whose sender is known, but whose body nothing covers.
    pub when_authenticated: Handling,
    /// The provider's own name for the secret.
    pub key_id: Option<String>,
    /// The secret in the vault.
    pub secret_id: String,
}

/// How secrets are kept up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationSettings {
    /// Age at which secrets are read again.
    pub refresh: Millis,
    /// How long the secret before the current one is still taken after the rotation.
    pub grace: Millis,
}

/// Sources with their secrets in a vault.
pub struct RotatingSources<V> {
    vault: V,
    settings: HashMap<SourceName, SourceSettings>,
    rotation: RotationSettings,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<SourceName, Known>>,
}

/// What is known of one source.
#[derive(Debug, Clone, Default)]
struct Known {
    source: Option<Arc<Source>>,
    /// When it was last read, well or not.
    asked_at: Option<Timestamp>,
    /// Whether the last reading failed.
    failed: bool,
    /// Renewals that signatures may still cause, as of `asked_at`.
    renewals: u32,
}

/// Most renewals in a row that signatures can cause, and the pause that earns one more: a forger
/// then causes at most a few calls a minute for each running function.
const RENEWALS_MAX: u32 = 5;
const RENEWAL_PAUSE: Millis = Millis::from_secs(10);

/// After a failure the vault is left alone for so long, while there are old secrets to go on with.
const FAILURE_PAUSE: Millis = Millis::from_secs(5);

impl<V: Vault> RotatingSources<V> {
    /// Sources of which nothing is known yet.
    pub fn new(
        vault: V,
        settings: HashMap<SourceName, SourceSettings>,
        rotation: RotationSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            vault,
            settings,
            rotation,
            clock,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SourceName, Known>> {
        // Entries are replaced as a whole, so a panic elsewhere leaves none half written.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_of(&self, name: &SourceName) -> Known {
        self.known().get(name).cloned().unwrap_or_default()
    }

    /// Reads the secrets of a source; keeps the old ones when that fails.
    async fn read(
        &self,
        name: &SourceName,
        settings: &SourceSettings,
        renewals: u32,
    ) -> Result<Arc<Source>, SecretsUnavailable> {
        let read = self.vault.versions(&settings.secret_id).await;
        let now = self.clock.now();
        let mut known = self.known_of(name);
        known.asked_at = Some(now);
        known.renewals = renewals;
        known.failed = read.is_err();
        match read {
            Ok(versions) => {
                let source = Source {
                    name: name.clone(),
                    provider: settings.provider.clone(),
                    secrets: live_secrets(
                        &versions,
                        self.rotation.grace,
                        settings.key_id.as_deref(),
                    ),
                    when_authenticated: settings.when_authenticated,
                };
                known.source = Some(Arc::new(source));
            }
            Err(unavailable) => warn!(source = %name, %unavailable, "secrets stay as they were"),
        }
        let source = known.source.clone().ok_or(SecretsUnavailable);
        self.known().insert(name.clone(), known);
        source
    }
}

impl Known {
    /// Whether it is to be read again for its age alone.
    fn is_old(&self, now: Timestamp, refresh: Millis) -> bool {
        match (&self.source, self.asked_at) {
            (Some(_), Some(asked_at)) => {
                let pause = if self.failed { FAILURE_PAUSE } else { refresh };
                now.since(asked_at) >= pause
            }
            (None, _) | (_, None) => true,
        }
    }

    /// The renewals that signatures may cause at `now`.
    fn renewals_at(&self, now: Timestamp) -> u32 {
        let Some(asked_at) = self.asked_at else {
            return RENEWALS_MAX;
        };
        let earned = now.since(asked_at).get() / RENEWAL_PAUSE.get();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.renewals.saturating_add(earned).min(RENEWALS_MAX)
    }
}

impl<V: Vault> Sources for RotatingSources<V> {
    fn find<'a>(
        &'a self,
        name: &'a SourceName,
    ) -> BoxFuture<'a, Result<Option<Arc<Source>>, SecretsUnavailable>> {
        Box::pin(async move {
            let Some(settings) = self.settings.get(name) else {
                return Ok(None);
            };
            let (known, now) = (self.known_of(name), self.clock.now());
            if !known.is_old(now, self.rotation.refresh) {
                return Ok(known.source);
            }
            let renewals = known.renewals_at(now);
            self.read(name, settings, renewals).await.map(Some)
        })
    }

    fn renew<'a>(&'a self, judged: &'a Source) -> BoxFuture<'a, Option<Arc<Source>>> {
        Box::pin(async move {
            let name = &judged.name;
            let settings = self.settings.get(name)?;
            let known = self.known_of(name);
            if known
                .source
                .as_ref()
                .is_some_and(|source| differs(source, judged))
            {
                return known.source;
            }
            let renewals = known.renewals_at(self.clock.now()).checked_sub(1)?;
            let renewed = self.read(name, settings, renewals).await.ok()?;
            let newer = differs(&renewed, judged);
            if newer {
                info!(source = %name, "its secrets have been rotated");
            }
            newer.then_some(renewed)
        })
    }
}

fn differs(one: &Source, other: &Source) -> bool {
    let labels = |source: &Source| {
        let labels = source
            .secrets
            .iter()
            .map(|secret| secret.label().to_owned());
        labels.collect::<Vec<_>>()
    };
    labels(one) != labels(other)
}

/// The secrets that may sign now. The one before the current one retires a grace time after the
/// rotation; its label tells of it when it is still used.
fn live_secrets(versions: &[Version], grace: Millis, key_id: Option<&str>) -> Vec<Secret> {
    let current = versions
        .iter()
        .find(|version| version.stage == Stage::Current);
    let rotated_at = current.map(|version| version.since);
    let secret = |version: &Version| {
        let start = version.id.get(..8).unwrap_or(&version.id);
        let label = match version.stage {
            Stage::Current => format!("current-{start}"),
            Stage::Pending => format!("pending-{start}"),
            Stage::Previous => format!("previous-{start}"),
        };
        let secret = Secret::new(label, version.value.clone());
        let secret = match key_id {
            Some(id) => secret.with_id(id),
            None => secret,
        };
        match (version.stage, rotated_at) {
            (Stage::Previous, Some(rotated_at)) => secret.retiring_at(rotated_at.after(grace)),
            (Stage::Previous, None) | (Stage::Current | Stage::Pending, _) => secret,
        }
    };
    let live = versions.iter().filter(|version| !version.value.is_empty());
    live.take(limits::SECRETS_MAX).map(secret).collect()
}

impl<V> std::fmt::Debug for RotatingSources<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RotatingSources")
            .field("settings", &self.settings)
            .field("rotation", &self.rotation)
            .finish_non_exhaustive()
    }
}
