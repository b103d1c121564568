//! A mail server on loopback that speaks as much SMTP as a client needs, with or without TLS. It
//! takes whatever it is given and forgets nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::home::Home;

/// How a mail server protects the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Not at all.
    None,
    /// When it is asked to.
    Starttls,
    /// From the first byte on.
    Tls,
}

/// One mail as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) is_encrypted: bool,
    /// Who signed in, and with what, as the client wrote it: base64 of `\0user\0password`.
    pub(crate) signed_in: Option<String>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

/// A running mail server. Nobody is there any more once its handle is gone.
pub(crate) struct MailServer {
    address: SocketAddr,
    certificate: String,
    mails: Arc<Mutex<Vec<Mail>>>,
    _serving: JoinSet<()>,
}

#[derive(Clone)]
struct Rules {
    protection: Protection,
    acceptor: TlsAcceptor,
    mails: Arc<Mutex<Vec<Mail>>>,
}

/// How a conversation goes on.
enum Go {
    On,
    Encrypted,
    Away,
}

impl MailServer {
    /// Starts one whose certificate is for `localhost`.
    pub(crate) async fn start(protection: Protection) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = Rules {
            protection,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            mails: Arc::default(),
        };
        let mails = Arc::clone(&rules.mails);
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, rules));
        Self {
            address,
            certificate: cert.pem(),
            mails,
            _serving: serving,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Puts its certificate into a file of `home`.
    pub(crate) fn certificate_in(&self, home: &Home) -> PathBuf {
        home.write("mail-server.pem", &self.certificate)
    }

    /// Every mail that it took, in order.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

impl Mail {
    /// The text of a mail that is written in quoted-printable, its soft line breaks taken out.
    pub(crate) fn unfolded(&self) -> String {
        self.text.replace("=\r\n", "").replace("=3D", "=")
    }
}

async fn serve(listener: TcpListener, rules: Rules) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let rules = rules.clone();
        connections.spawn(async move {
            // A conversation that the other side breaks off is over.
            let _ = converse(stream, &rules).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, rules: &Rules) -> std::io::Result<()> {
    if rules.protection == Protection::Tls {
        let stream = rules.acceptor.accept(stream).await?;
        talk(&mut BufStream::new(stream), rules, (true, true)).await?;
        return Ok(());
    }
    let mut stream = BufStream::new(stream);
    if let Go::Encrypted = talk(&mut stream, rules, (true, false)).await? {
        let stream = rules.acceptor.accept(stream.into_inner()).await?;
        talk(&mut BufStream::new(stream), rules, (false, true)).await?;
    }
    Ok(())
}

/// One conversation, until it ends or goes on encrypted.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    rules: &Rules,
    (is_new, is_encrypted): (bool, bool),
) -> std::io::Result<Go> {
    if is_new {
        say(stream, "220 localhost").await?;
    }
    let mut mail = Mail {
        is_encrypted,
        ..Mail::default()
    };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(Go::Away);
        }
        match answer(stream, rules, line.trim_end(), &mut mail).await? {
            Go::On => {}
            end @ (Go::Encrypted | Go::Away) => return Ok(end),
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    rules: &Rules,
    line: &str,
    mail: &mut Mail,
) -> std::io::Result<Go> {
    let offers_tls = rules.protection == Protection::Starttls && !mail.is_encrypted;
    if line.starts_with("EHLO") {
        let more = if offers_tls { "250-STARTTLS\r\n" } else { "" };
        say(stream, &format!("250-localhost\r\n{more}250 AUTH PLAIN")).await?;
    } else if line == "STARTTLS" && offers_tls {
        say(stream, "220 go on").await?;
        return Ok(Go::Encrypted);
    } else if let Some(proof) = line.strip_prefix("AUTH PLAIN ") {
        mail.signed_in = Some(proof.to_owned());
        say(stream, "235 welcome").await?;
    } else if let Some(from) = line.strip_prefix("MAIL FROM:") {
        mail.from = from.to_owned();
        say(stream, "250 ok").await?;
    } else if let Some(to) = line.strip_prefix("RCPT TO:") {
        if to.contains("nobody@") {
            say(stream, "550 no such mailbox").await?;
        } else {
            mail.to.push(to.to_owned());
            say(stream, "250 ok").await?;
        }
    } else if line == "DATA" {
        say(stream, "354 go on").await?;
        while !mail.text.ends_with("\r\n.\r\n") {
            if stream.read_line(&mut mail.text).await? == 0 {
                return Ok(Go::Away);
            }
        }
        rules.mails.lock().unwrap().push(mail.clone());
        say(stream, "250 taken").await?;
    } else if line == "QUIT" {
        say(stream, "221 bye").await?;
        return Ok(Go::Away);
    } else {
        say(stream, "502 not here").await?;
    }
    Ok(Go::On)
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    line: &str,
) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}
