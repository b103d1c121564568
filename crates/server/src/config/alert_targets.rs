//! How somebody is told of an alert.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use domain::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outbound_url::{self, is_loopback};
use super::secrets::SecretConfig;
use crate::alerts::rule::Rule;
use crate::alerts::target::email::{Email, EmailSettings, Encryption};
use crate::alerts::target::slack::Slack;
use crate::alerts::target::webhook::Webhook;
use crate::alerts::target::{Target, http};

/// `[alerts.targets.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetConfig {
    /// Which kind.
    pub(crate) kind: TargetKind,
    /// Only alerts of these rules; all of them where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<Rule>,
    /// Longest time for one message, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// Where a webhook is posted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// The same, where the URL is a secret itself, as Slack's are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url_from: Option<SecretConfig>,
    /// Whether messages may cross a network in clear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) plain_http: bool,
    /// What a webhook is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretConfig>,
    /// The mail server's name or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// Its port; the usual one of its `encryption` otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    /// How the way to it is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<EncryptionName>,
    /// A certificate that is trusted beside the system's, as PEM: that of an authority of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// Who signs in to the mail server; nobody where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Their password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<SecretConfig>,
    /// Who writes the mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// Who gets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) to: Vec<String>,
}

/// The kinds of target by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetKind {
    /// JSON, signed as Standard Webhooks are.
    Webhook,
    /// What Slack, Mattermost and Discord's `/slack` URLs take.
    Slack,
    /// Mail, by SMTP.
    Email,
}

impl TargetKind {
    /// The stable word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }
}

/// How the way to a mail server is protected, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EncryptionName {
    /// From the first byte on.
    Tls,
    /// After a word in clear, and never without it.
    Starttls,
    /// Not at all: on this machine only.
    None,
}

/// Longest time for one message unless somebody says otherwise, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;

/// Longest such time: a person who tests a target waits for it.
const TIMEOUT_MAX: Duration = Duration::from_secs(20);

/// Longest name of a target, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl TargetConfig {
    /// The target, its secrets read.
    ///
    /// # Errors
    /// A key is missing, unusable, or of another kind of target.
    pub(crate) fn build(&self, name: &str) -> anyhow::Result<Target> {
        self.try_build(name)
            .with_context(|| format!("[alerts.targets.{name}]"))
    }

    fn try_build(&self, name: &str) -> anyhow::Result<Target> {
        let is_word = name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
        });
        ensure!(
            is_word && (1..=NAME_BYTES_MAX).contains(&name.len()),
            "a name is made of a to z, 0 to 9, - and _"
        );
        let timeout = Duration::from_millis(self.timeout_ms.unwrap_or(TIMEOUT_MS));
        ensure!(
            !timeout.is_zero() && timeout <= TIMEOUT_MAX,
            "timeout_ms must be from 1 to {}",
            TIMEOUT_MAX.as_millis()
        );
        self.refuse_strangers()?;
        let target = match self.kind {
            TargetKind::Webhook => {
                let secret = self
                    .secret
                    .as_ref()
                    .context("it has no secret to sign with")?;
                let secret = Secret::new(name, secret.read().context("secret")?);
                Target::Webhook(Webhook::try_new(self.post(timeout)?, secret)?)
            }
            TargetKind::Slack => Target::Slack(Slack::new(self.post(timeout)?)),
            TargetKind::Email => Target::Email(Box::new(self.email(timeout)?)),
        };
        Ok(target)
    }

    /// Refuses keys that nothing of this kind reads.
    fn refuse_strangers(&self) -> anyhow::Result<()> {
        let http = [
            ("url", self.url.is_some()),
            ("url_from", self.url_from.is_some()),
            ("plain_http", self.plain_http),
        ];
        let webhook = [("secret", self.secret.is_some())];
        let email = [
            ("server", self.server.is_some()),
            ("port", self.port.is_some()),
            ("encryption", self.encryption.is_some()),
            ("certificate_file", self.certificate_file.is_some()),
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("from", self.from.is_some()),
            ("to", !self.to.is_empty()),
        ];
        let strangers = match self.kind {
            TargetKind::Webhook => email.to_vec(),
            // Its URL is a secret, which `url_from` keeps out of what is shown.
            TargetKind::Slack => [&http[..1], &webhook[..], &email[..]].concat(),
            TargetKind::Email => [&http[..], &webhook[..]].concat(),
        };
        match strangers.into_iter().find(|(_, is_there)| *is_there) {
            Some((key, _)) => bail!("nothing reads `{key}` there; leave it out"),
            None => Ok(()),
        }
    }

    fn post(&self, timeout: Duration) -> anyhow::Result<http::Post> {
        let url = match (&self.url, &self.url_from) {
            (Some(url), None) => url.clone(),
            (None, Some(secret)) => {
                let bytes = secret.read().context("url_from")?;
                String::from_utf8(bytes)
                    .ok()
                    .context("url_from holds no text")?
            }
            (None, None) => bail!("it has neither `url` nor `url_from`"),
            (Some(_), Some(_)) => bail!("it has both `url` and `url_from`; leave one out"),
        };
        let url = outbound_url::parse(url.trim(), self.plain_http)?;
        Ok(http::Post::try_new(url, timeout)?)
    }

    fn email(&self, timeout: Duration) -> anyhow::Result<Email> {
        let server = self.server.clone().context("it has no `server`")?;
        let encryption = match self.encryption.unwrap_or(EncryptionName::Starttls) {
            EncryptionName::Tls => Encryption::Tls,
            EncryptionName::Starttls => Encryption::Starttls,
            EncryptionName::None => {
                ensure!(
                    is_loopback(&server),
                    "mail leaves this machine encrypted or not at all: encryption = \"none\" is \
                     for a server on loopback"
                );
                Encryption::None
            }
        };
        let certificate = match &self.certificate_file {
            Some(path) => Some(
                std::fs::read(path)
                    .with_context(|| format!("cannot read certificate_file {}", path.display()))?,
            ),
            None => None,
        };
        let credentials = match (&self.username, &self.password) {
            (Some(username), Some(password)) => {
                let password = password.read().context("password")?;
                Some((username.clone(), Secret::new("password", password)))
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                bail!("`username` and `password` belong together")
            }
        };
        ensure!(!self.to.is_empty(), "nobody is named in `to`");
        Ok(Email::try_new(EmailSettings {
            server,
            port: self.port,
            encryption,
            certificate,
            credentials,
            from: self.from.clone().context("it has no `from`")?,
            to: self.to.clone(),
            timeout,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, refusal: Option<&str>) {
        let config: TargetConfig = toml::from_str(text).unwrap();
        let said = config.build("ops").map_err(|error| format!("{error:#}"));
        let said = said.err();
        let is_as_expected = match (&said, refusal) {
            (Some(said), Some(refusal)) => said.contains(refusal),
            (said, refusal) => said.is_none() && refusal.is_none(),
        };
        assert!(is_as_expected, "{text}: {said:?}");
        assert!(!said.unwrap_or_default().contains("hunter2"));
    }

    const SECRET: &str = "{ value = 'whsec_aHVudGVyMmh1bnRlcjJodW50ZXIy', in_clear = true }";
    const URL: &str = "{ value = 'https://h/hunter2', in_clear = true }";

    #[test]
    fn a_target_has_what_its_kind_needs_and_nothing_else() {
        for (text, refusal) in [
            (
                format!("kind='webhook'\nurl='https://h/x'\nsecret={SECRET}"),
                None,
            ),
            (
                format!("kind='webhook'\nurl_from={URL}\nsecret={SECRET}"),
                None,
            ),
            (
                "kind='webhook'\nurl='https://h/x'".to_owned(),
                Some("no secret"),
            ),
            (format!("kind='webhook'\nsecret={SECRET}"), Some("neither")),
            (
                format!("kind='webhook'\nurl='https://h/hunter2'\nurl_from={URL}\nsecret={SECRET}"),
                Some("both"),
            ),
            (
                format!("kind='webhook'\nurl='ftp://h/hunter2'\nsecret={SECRET}"),
                Some("must begin with https://"),
            ),
            (
                "kind='webhook'\nurl='https://h'\nsecret={value='whsec_%hunter2',in_clear=true}"
                    .to_owned(),
                Some("secret"),
            ),
            (
                format!("kind='webhook'\nurl='https://h'\nsecret={SECRET}\nto=['a@b']"),
                Some("`to`"),
            ),
            (format!("kind='slack'\nurl_from={URL}"), None),
            (
                format!("kind='slack'\nurl_from={URL}\nsecret={SECRET}"),
                Some("`secret`"),
            ),
            (
                format!("kind='slack'\nurl_from={URL}\ntimeout_ms=0"),
                Some("timeout_ms must be from 1 to 20000"),
            ),
            (
                format!("kind='slack'\nurl_from={URL}\ntimeout_ms=20001"),
                Some("timeout_ms must be from 1 to 20000"),
            ),
            (
                format!("kind='webhook'\nurl='http://10.0.0.1/hunter2'\nsecret={SECRET}"),
                Some("plain_http"),
            ),
            (
                format!("kind='webhook'\nurl='http://h/x'\nplain_http=true\nsecret={SECRET}"),
                None,
            ),
            (
                "kind='slack'\nurl='https://h/hunter2'".to_owned(),
                Some("nothing reads `url`"),
            ),
        ] {
            check(&text, refusal);
        }
    }

    #[test]
    fn mail_leaves_the_machine_encrypted_or_not_at_all() {
        let mail = "kind='email'\nfrom='payhook <p@x.example>'\nto=['ops@x.example']\n";
        let password = "password = { value = 'hunter2', in_clear = true }";
        for (more, refusal) in [
            ("server='mail.example'", None),
            ("server='mail.example'\nencryption='tls'\nport=1465", None),
            ("server='127.0.0.1'\nencryption='none'", None),
            ("server='::1'\nencryption='none'", None),
            ("server='localhost'\nencryption='none'", None),
            ("server='mail.example'\nencryption='none'", Some("loopback")),
            ("server='10.0.0.1'\nencryption='none'", Some("loopback")),
            ("", Some("no `server`")),
            (
                "server='mail.example'\nurl='https://h/hunter2'",
                Some("`url`"),
            ),
            (
                "server='mail.example'\nplain_http=true",
                Some("`plain_http`"),
            ),
            (
                "server='mail.example'\nusername='u'",
                Some("belong together"),
            ),
            (
                "server='mail.example'\ncertificate_file='/nowhere.pem'",
                Some("cannot read"),
            ),
        ] {
            check(&format!("{mail}{more}"), refusal);
        }
        check(
            &format!("{mail}server='mail.example'\nusername='u'\n{password}"),
            None,
        );
        check(
            &format!("{mail}server='mail.example'\n{password}"),
            Some("belong together"),
        );
        let nobody = "kind='email'\nserver='mail.example'\nfrom='p@x.example'";
        check(nobody, Some("nobody is named"));
        for wrong in [
            "from='no address'\nto=['ops@x.example']",
            "from='p@x.example'\nto=['@']",
        ] {
            let text = format!("kind='email'\nserver='mail.example'\n{wrong}");
            check(&text, Some("no address of a mailbox"));
        }
    }

    #[test]
    fn a_target_has_a_name_that_metrics_can_have() {
        let text = format!("kind='slack'\nurl_from={URL}");
        let config: TargetConfig = toml::from_str(&text).unwrap();
        for (name, is_good) in [
            ("ops-2_x", true),
            ("", false),
            ("Ops", false),
            ("a b", false),
        ] {
            assert_eq!(config.build(name).is_ok(), is_good, "{name}");
        }
        assert!(!format!("{config:?}{:?}", config.build("ops").unwrap()).contains("hunter2"));
    }
}
