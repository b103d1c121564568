//! How a message reaches somebody. A target takes one message at a time, bounded in time, or says
//! why not; what is done then is decided elsewhere.

pub(crate) mod email;
pub(crate) mod http;
pub(crate) mod slack;
pub(crate) mod webhook;

use domain::time::Timestamp;

use self::email::Email;
use self::slack::Slack;
use self::webhook::Webhook;
use super::message::{Message, Sender};

/// The way to somebody who is told.
#[derive(Debug)]
pub(crate) enum Target {
    /// A signed webhook.
    Webhook(Webhook),
    /// What Slack takes.
    Slack(Slack),
    /// Mail.
    Email(Box<Email>),
}

/// Why a message was not taken. It may have arrived all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendFailure {
    /// Not in time.
    #[error("no answer in time")]
    Timeout,
    /// There is no way there, or it broke.
    #[error("it cannot be reached")]
    Unreachable,
    /// Whoever answers is not who should.
    #[error("its TLS cannot be trusted, or is none")]
    Tls,
    /// A mail server that cannot do what it was to do.
    #[error("it has no STARTTLS, or no way to sign in")]
    Unfit,
    /// It said no.
    #[error("it answered {0}")]
    Refused(u16),
    /// It said no to this message, and would again.
    #[error("it answered {0}, which no further try changes")]
    Rejected(u16),
    /// It can never be sent.
    #[error("the message cannot be written")]
    Unwritable,
}

impl SendFailure {
    /// Whether no further try changes it: the message is dropped, and keeps no other waiting.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Rejected(_) | Self::Unwritable => true,
            Self::Timeout | Self::Unreachable | Self::Tls | Self::Unfit | Self::Refused(_) => false,
        }
    }
}

impl Target {
    /// Sends a message at `now`.
    pub(crate) async fn send(
        &self,
        message: &Message,
        sender: &Sender,
        now: Timestamp,
    ) -> Result<(), SendFailure> {
        match self {
            Self::Webhook(webhook) => webhook.send(message, sender, now).await,
            Self::Slack(slack) => slack.send(message, sender).await,
            Self::Email(email) => email.send(message, sender).await,
        }
    }
}
