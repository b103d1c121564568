//! AWS Secrets Manager: the versions of a secret that are live.

use std::future::Future;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use domain::time::Timestamp;
use tracing::warn;

/// A version of a secret.
#[derive(Clone)]
pub struct Version {
    /// Where it stands in a rotation.
    pub stage: Stage,
    /// Its id, which may be shown.
    pub id: String,
    /// When it took its place, or later: of the current one, when the secret was last changed in
    /// any way; of the others, when they were made.
    pub since: Timestamp,
    /// The secret itself.
    pub value: Vec<u8>,
}

/// The staging labels of a rotation
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The one that is to be used.
    Current,
    /// The one that will be: whoever rotates may sign with it already.
    Pending,
    /// The one before: whoever signs may not have heard of the new one yet.
    Previous,
}

/// The secrets cannot be had now, or this one has no value yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be had now")]
pub struct VaultUnavailable;

/// Where secrets are kept.
pub trait Vault: Send + Sync + 'static {
    /// Every version of the secret that has a staging label, the current one first.
    ///
    /// # Errors
    /// Asking again is safe, and costs.
    fn versions(
        &self,
        secret_id: &str,
    ) -> impl Future<Output = Result<Vec<Version>, VaultUnavailable>> + Send;

    /// The current version alone.
    ///
    /// # Errors
    /// Asking again is safe, and costs.
    fn current(
        &self,
        secret_id: &str,
    ) -> impl Future<Output = Result<Version, VaultUnavailable>> + Send;
}

/// The one of this account.
#[derive(Debug, Clone)]
pub struct SecretsManager(pub Client);

impl Vault for SecretsManager {
    async fn versions(&self, secret_id: &str) -> Result<Vec<Version>, VaultUnavailable> {
        let (current, pending, previous, changed_at) = tokio::join!(
            self.current(secret_id),
            self.version(secret_id, Stage::Pending),
            self.version(secret_id, Stage::Previous),
            self.changed_at(secret_id),
        );
        let mut current = current?;
        // A version may have been made, as the pending one, long before it was promoted.
        current.since = current.since.max(changed_at?);
        let others = [pending?, previous?].into_iter().flatten();
        Ok(std::iter::once(current).chain(others).collect())
    }

    async fn current(&self, secret_id: &str) -> Result<Version, VaultUnavailable> {
        let current = self.version(secret_id, Stage::Current).await?;
        if current.is_none() {
            warn!(
                secret_id,
                "the secret has no value yet: put one with `aws secretsmanager put-secret-value`"
            );
        }
        current.ok_or(VaultUnavailable)
    }
}

impl SecretsManager {
    /// The version with this label; `None` when none has it.
    async fn version(
        &self,
        secret_id: &str,
        stage: Stage,
    ) -> Result<Option<Version>, VaultUnavailable> {
        let asked = self.0.get_secret_value();
        let asked = asked.secret_id(secret_id).version_stage(stage.label());
        match asked.send().await {
            Ok(answer) => Ok(Version::of(stage, answer)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(unavailable("GetSecretValue", secret_id, &error)),
        }
    }

    /// When the secret was last changed: a value put, a label moved.
    async fn changed_at(&self, secret_id: &str) -> Result<Timestamp, VaultUnavailable> {
        let described = self.0.describe_secret().secret_id(secret_id).send().await;
        let described =
            described.map_err(|error| unavailable("DescribeSecret", secret_id, &error))?;
        let changed = described
            .last_changed_date
            .and_then(|date| date.to_millis().ok());
        Ok(Timestamp::from_millis(changed.unwrap_or_default()))
    }
}

/// Says why the service did not answer: its own code and the request's id.
fn unavailable<E, R>(
    operation: &'static str,
    secret_id: &str,
    error: &SdkError<E, R>,
) -> VaultUnavailable
where
    E: ProvideErrorMetadata,
    SdkError<E, R>: RequestId,
{
    let code = error.as_service_error().and_then(|error| error.code());
    let request_id = error.request_id().unwrap_or_default();
    warn!(
        operation,
        secret_id,
        code = code.unwrap_or("not reached"),
        request_id,
        "Secrets Manager did not answer"
    );
    VaultUnavailable
}

impl Stage {
    /// Its name in the service.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

impl Version {
    fn of(stage: Stage, answer: GetSecretValueOutput) -> Option<Self> {
        let created = answer.created_date.and_then(|date| date.to_millis().ok());
        let text = answer.secret_string.map(String::into_bytes);
        let value = text.or(answer.secret_binary.map(|blob| blob.into_inner()))?;
        Some(Self {
            stage,
            id: answer.version_id.unwrap_or_default(),
            since: Timestamp::from_millis(created.unwrap_or_default()),
            value,
        })
    }
}

// The value must not be printed by a stray `{:?}`.
impl std::fmt::Debug for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Version")
            .field("stage", &self.stage)
            .field("id", &self.id)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
