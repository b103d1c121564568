//! Alerts by mail: one plain text to everybody, by SMTP.

use std::fmt;
use std::time::Duration;

use domain::secret::Secret;
use lettre::address::Envelope;
use lettre::message::header::{self, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tracing::warn;

use super::SendFailure;
use crate::alerts::message::{Message, Sender};

/// Mailboxes behind a mail server.
pub(crate) struct Email {
    server: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

/// What an [`Email`] is made from.
pub(crate) struct EmailSettings {
    /// The server's name or address.
    pub(crate) server: String,
    /// Its port; the usual one otherwise.
    pub(crate) port: Option<u16>,
    /// How the way to it is protected.
    pub(crate) encryption: Encryption,
    /// A certificate as PEM that is trusted beside the system's.
    pub(crate) certificate: Option<Vec<u8>>,
    /// Who signs in, and how they prove it.
    pub(crate) credentials: Option<(String, Secret)>,
    /// Who writes.
    pub(crate) from: String,
    /// Who is written to.
    pub(crate) to: Vec<String>,
    /// Longest time for one message.
    pub(crate) timeout: Duration,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// From the first byte on; port 465.
    Tls,
    /// Asked for in clear, and nothing is said without it; port 587.
    Starttls,
    /// Not at all; port 25.
    None,
}

/// Why no mail can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEmail {
    /// That is no address.
    #[error("{0:?} is no address of a mailbox")]
    Address(String),
    /// The certificate is none.
    #[error("certificate_file holds no certificate in PEM")]
    Certificate,
    /// The password cannot be sent.
    #[error("the password is no text")]
    Password,
    /// The server's name cannot be in a certificate, or the system's certificates cannot be read.
    #[error("TLS cannot be set up for this server")]
    Tls,
}

impl Email {
    /// A way to mailboxes. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// See [`NoEmail`].
    pub(crate) fn try_new(settings: EmailSettings) -> Result<Self, NoEmail> {
        let mailbox = |text: &String| {
            let parsed = text.parse::<Mailbox>();
            parsed.map_err(|_| NoEmail::Address(text.clone()))
        };
        let from = mailbox(&settings.from)?;
        let to = settings.to.iter().map(mailbox).collect::<Result<_, _>>()?;
        let (tls, port) = match settings.encryption {
            Encryption::Tls => (Tls::Wrapper(parameters(&settings)?), 465),
            Encryption::Starttls => (Tls::Required(parameters(&settings)?), 587),
            Encryption::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.server)
            .port(settings.port.unwrap_or(port))
            .timeout(Some(settings.timeout))
            .tls(tls);
        if let Some((username, password)) = settings.credentials {
            let password = String::from_utf8(password.expose().to_vec());
            let password = password.map_err(|_| NoEmail::Password)?;
            builder = builder.credentials(Credentials::new(username, password));
        }
        Ok(Self {
            server: settings.server,
            transport: builder.build(),
            from,
            to,
            timeout: settings.timeout,
        })
    }

    /// Sends a message.
    pub(crate) async fn send(&self, message: &Message, sender: &Sender) -> Result<(), SendFailure> {
        let mut refused = None;
        let mut missed = 0;
        // One by one: a server that knows one mailbox no more would refuse the mail to all.
        for to in &self.to {
            if let Err(failure) = self.send_to(to, message, sender).await {
                refused = Some(failure);
                missed += 1;
            }
        }
        match refused {
            Some(failure) if missed == self.to.len() => Err(failure),
            Some(failure) => {
                // Tried again, it would come twice to the others.
                warn!(mailboxes = missed, %failure, "an alert did not reach some mailboxes");
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn send_to(
        &self,
        to: &Mailbox,
        message: &Message,
        sender: &Sender,
    ) -> Result<(), SendFailure> {
        let mail = self.mail(to, message, sender)?;
        // The library bounds each step; together they could take many times as long.
        let sent = tokio::time::timeout(self.timeout, self.transport.send(mail)).await;
        match sent {
            Err(_elapsed) => Err(SendFailure::Timeout),
            Ok(Err(error)) => Err(failure(&error)),
            Ok(Ok(_accepted)) => Ok(()),
        }
    }

    /// The mail to all, in an envelope to one of them.
    fn mail(
        &self,
        to: &Mailbox,
        message: &Message,
        sender: &Sender,
    ) -> Result<lettre::Message, SendFailure> {
        let unwritable = |_| SendFailure::Unwritable;
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()]);
        let mut builder: MessageBuilder = lettre::Message::builder()
            .envelope(envelope.map_err(unwritable)?)
            .from(self.from.clone())
            .subject(message.subject(sender))
            // One that comes twice is one mail to whoever keeps them.
            .message_id(Some(format!(
                "<{}@{}>",
                message.id,
                self.from.email.domain()
            )))
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(
                // So that no answering machine answers.
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        builder = builder.header(header::To::from(lettre::message::Mailboxes::from_iter(
            self.to.iter().cloned(),
        )));
        builder.body(message.text(sender)).map_err(unwritable)
    }
}

fn parameters(settings: &EmailSettings) -> Result<TlsParameters, NoEmail> {
    let mut builder = TlsParameters::builder(settings.server.clone());
    if let Some(pem) = &settings.certificate {
        let certificate = Certificate::from_pem(pem).map_err(|_| NoEmail::Certificate)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|_| NoEmail::Tls)
}

/// What went wrong, without a word of the other side's.
fn failure(error: &lettre::transport::smtp::Error) -> SendFailure {
    if let Some(code) = error.status() {
        return SendFailure::Refused(code.into());
    }
    if error.is_timeout() {
        SendFailure::Timeout
    } else if error.is_client() {
        SendFailure::Unfit
    } else if error.is_tls() || is_broken_tls(error) {
        SendFailure::Tls
    } else {
        SendFailure::Unreachable
    }
}

/// Whether a handshake failed, which the library takes for a connection that did.
fn is_broken_tls(error: &lettre::transport::smtp::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let found = inner.downcast_ref::<std::io::Error>();
        if found.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = inner.source();
    }
    false
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Email")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
