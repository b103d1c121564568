//! What a task calls, read from its `Resource`.

use serde_json::Value;

/// The resource of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    text: String,
    kind: ResourceKind,
}

/// The families of resources; each writes its own kind of history events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceKind {
    /// A function by its own ARN, or any other address without a family.
    Lambda,
    /// An activity that workers poll.
    Activity,
    /// A service integration such as `arn:aws:states:::lambda:invoke`.
    Service {
        /// The service: `lambda`, `sqs`, `aws-sdk:s3`.
        service: String,
        /// The action with its pattern: `invoke`, `sendMessage.waitForTaskToken`.
        action: String,
    },
}

impl Resource {
    /// Reads a resource; none when the text cannot be the address of anything.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let kind = if let Some(rest) = text.strip_prefix("arn:").and_then(service_part) {
            let split = match rest.strip_prefix("aws-sdk:") {
                Some(sdk) => "aws-sdk:".len() + sdk.find(':')?,
                None => rest.find(':')?,
            };
            let (service, action) = (&rest[..split], &rest[split + 1..]);
            if service.is_empty() || action.is_empty() {
                return None;
            }
            ResourceKind::Service {
                service: service.to_owned(),
                action: action.to_owned(),
            }
        } else if is_activity(text) {
            ResourceKind::Activity
        } else {
            is_address(text).then_some(ResourceKind::Lambda)?
        };
        Some(Self {
            text: text.to_owned(),
            kind,
        })
    }

    /// The text of the definition.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The family.
    #[must_use]
    pub fn kind(&self) -> &ResourceKind {
        &self.kind
    }

    /// Whether the task goes on after the call until someone sends its token back.
    #[must_use]
    pub fn waits_for_token(&self) -> bool {
        match &self.kind {
            ResourceKind::Service { action, .. } => action.ends_with(".waitForTaskToken"),
            ResourceKind::Lambda | ResourceKind::Activity => false,
        }
    }

    /// Whether the task goes on after the call until the job it started has ended.
    #[must_use]
    pub fn waits_for_job(&self) -> bool {
        match &self.kind {
            ResourceKind::Service { action, .. } => action.contains(".sync"),
            ResourceKind::Lambda | ResourceKind::Activity => false,
        }
    }

    pub(crate) fn is_service(&self) -> bool {
        matches!(self.kind, ResourceKind::Service { .. })
    }

    /// What the data-limit error calls this resource.
    pub(crate) fn limit_subject(&self) -> &str {
        match &self.kind {
            ResourceKind::Service { service, .. } => service,
            ResourceKind::Lambda | ResourceKind::Activity => &self.text,
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::String(self.text.clone())
    }
}

/// What follows `arn:<partition>:states:::`.
fn service_part(after_arn: &str) -> Option<&str> {
    let (_partition, rest) = after_arn.split_once(':')?;
    rest.strip_prefix("states:::")
}

fn is_activity(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 7 && parts[0] == "arn" && parts[2] == "states" && parts[5] == "activity"
}

fn is_address(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() < 2 || parts[0].is_empty() || text.contains(char::is_whitespace) {
        return false;
    }
    if parts[0] == "arn" && parts.get(2) == Some(&"lambda") {
        return is_function(&parts);
    }
    true
}

/// `arn:aws:lambda:region:account:function:name[:qualifier]`.
fn is_function(parts: &[&str]) -> bool {
    let name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
    };
    let qualifier = |text: &str| text == "$LATEST" || (name(text) && !text.contains('$'));
    parts.len() >= 7
        && parts[5] == "function"
        && !parts[6].is_empty()
        && parts.len() <= 8
        && parts.get(7).is_none_or(|text| qualifier(text))
}
