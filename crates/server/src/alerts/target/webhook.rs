//! Alerts as Standard Webhooks: JSON for machines, under an id that stays the same when it is
//! tried again, signed anew each time.

use bytes::Bytes;
use domain::secret::Secret;
use domain::signature::{Draft, Scheme};
use domain::time::Timestamp;
use serde::Serialize;

use super::SendFailure;
use super::http::Post;
use crate::alerts::message::{Message, Notice, Sender};
use crate::alerts::watch::Turn;

/// A signed webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    post: Post,
    secret: Secret,
}

/// Why nothing can be signed with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret must be {0}")]
pub(crate) struct WrongSecret(&'static str);

/// The body.
#[derive(Debug, Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Debug, Serialize)]
struct Data<'a> {
    sender: &'a str,
    summary: String,
    alerts: Vec<Alert<'a>>,
}

#[derive(Debug, Serialize)]
struct Alert<'a> {
    rule: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    /// `firing` or `resolved`.
    status: &'static str,
    turn: Turn,
    since: String,
    headline: String,
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Webhook {
    /// Signs with `secret`.
    ///
    /// # Errors
    /// The secret is not in the form of Standard Webhooks.
    pub(crate) fn try_new(post: Post, secret: Secret) -> Result<Self, WrongSecret> {
        match scheme().objection_to(secret.expose()) {
            Some(objection) => Err(WrongSecret(objection)),
            None => Ok(Self { post, secret }),
        }
    }

    /// Sends a message, signed at `now`.
    pub(crate) async fn send(
        &self,
        message: &Message,
        sender: &Sender,
        now: Timestamp,
    ) -> Result<(), SendFailure> {
        let (headers, body) = self.signed(message, sender, now)?;
        self.post.send(&headers, body).await
    }

    fn signed(
        &self,
        message: &Message,
        sender: &Sender,
        now: Timestamp,
    ) -> Result<(Vec<(String, String)>, Bytes), SendFailure> {
        let body = Body {
            kind: if message.is_test() {
                "payhook.alert.test"
            } else {
                "payhook.alert"
            },
            timestamp: message.at.to_iso(),
            data: Data {
                sender: &sender.name,
                summary: message.subject(sender),
                alerts: message
                    .notices
                    .iter()
                    .map(|each| alert(each, sender))
                    .collect(),
            },
        };
        let body = serde_json::to_vec(&body).map_err(|_| SendFailure::Unwritable)?;
        let draft = Draft {
            headers: Vec::new(),
            query: None,
            body: body.into(),
            id: message.id.clone(),
        };
        let signed = scheme().sign(draft, &self.secret, now);
        let signed = signed.map_err(|_| SendFailure::Unwritable)?;
        Ok((signed.headers, signed.body))
    }
}

fn scheme() -> Scheme {
    Scheme::StandardWebhooks { tolerance: None }
}

fn alert<'a>(notice: &'a Notice, sender: &Sender) -> Alert<'a> {
    Alert {
        rule: notice.rule.as_str(),
        subject: &notice.subject,
        status: if notice.is_firing() {
            "firing"
        } else {
            "resolved"
        },
        turn: notice.turn,
        since: notice.since.to_iso(),
        headline: notice.headline(),
        what: &notice.what,
        advice: notice.advice(),
        link: notice.link(sender),
    }
}
