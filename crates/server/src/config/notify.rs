//! Who is told what becomes of payments.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use domain::limits;
use domain::notification::{EndpointName, Outcome, Schedule};
use domain::secret::Secret;
use domain::signature::StandardSigner;
use domain::source::SourceName;
use domain::time::Millis;
use processor::http_client::Target;
use processor::notify::{Endpoint, Manner, Wants};
use reqwest::Url;
use serde::{Deserialize, Serialize, Serializer};

use super::Config;
use super::outbound_url;
use super::secrets::SecretConfig;
use super::sources::moment;

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NotifyConfig {
    /// The wait before each attempt, in seconds: there are as many attempts.
    pub(crate) schedule_seconds: Vec<u64>,
    /// How long an endpoint may go on failing before it is left alone, in seconds.
    pub(crate) disable_after_seconds: u64,
    /// Most rounds of attempts at once.
    pub(crate) concurrency: usize,
    /// Who is told, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) endpoints: BTreeMap<String, EndpointConfig>,
}

/// `[notify.endpoints.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EndpointConfig {
    /// Where messages are posted to. Shown without path and query, which may be secret.
    #[serde(serialize_with = "origin_alone")]
    pub(crate) url: String,
    /// Every key that signs now. Two while one is being rotated.
    pub(crate) secrets: Vec<SecretConfig>,
    /// Only what becomes of events of these sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<Vec<String>>,
    /// Only these ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) statuses: Option<Vec<Outcome>>,
    /// Longest time for one attempt, in milliseconds.
    pub(crate) timeout_ms: u64,
    /// Whether messages may cross a network in clear.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) plain_http: bool,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            schedule_seconds: Schedule::STANDARD_SECONDS.to_vec(),
            disable_after_seconds: 5 * 24 * 60 * 60,
            concurrency: 4,
            endpoints: BTreeMap::new(),
        }
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            secrets: Vec::new(),
            sources: None,
            statuses: None,
            timeout_ms: 15_000,
            plain_http: false,
        }
    }
}

/// Longest time for one attempt that can be asked for, in milliseconds: a round is a task, which
/// has a minute in all.
const TIMEOUT_MS_MAX: u64 = 30_000;

/// How long before its task an attempt must end, in milliseconds: a task that is cut off is begun
/// again, and those who have it are sent it again.
const SLACK_MS: u64 = 2_000;

impl NotifyConfig {
    /// How endpoints are told.
    ///
    /// # Errors
    /// A number that cannot be.
    pub(crate) fn manner(&self) -> anyhow::Result<Manner> {
        let waits = self.schedule_seconds.iter().copied();
        let schedule = Schedule::try_new(waits.map(Millis::from_secs).collect());
        ensure!(
            self.disable_after_seconds > 0,
            "notify.disable_after_seconds is 0: the first failure would end it"
        );
        ensure!(
            self.concurrency > 0,
            "notify.concurrency is 0: nobody would be told"
        );
        Ok(Manner {
            schedule: schedule.context("notify.schedule_seconds is no schedule")?,
            disable_after: Millis::from_secs(self.disable_after_seconds),
            rounds_max: self.concurrency,
        })
    }

    /// The endpoints, their secrets read.
    ///
    /// # Errors
    /// What is wrong with the first that is not as it must be, and where.
    pub(crate) fn build(&self) -> anyhow::Result<BTreeMap<EndpointName, Endpoint>> {
        let endpoints = self.endpoints.iter();
        endpoints
            .map(|(name, endpoint)| endpoint.named(name))
            .collect()
    }

    /// Everything that would keep it from working, each with what to do about it.
    pub(crate) fn problems(&self, config: &Config) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        problems.extend(self.manner().err().map(|error| format!("{error:#}")));
        let task_ms = config.processor.timeout_ms;
        for (name, endpoint) in &self.endpoints {
            if endpoint.timeout_ms.saturating_add(SLACK_MS) > task_ms {
                problems.push(format!(
                    "[notify.endpoints.{name}] timeout_ms is {}, and processor.timeout_ms is {task_ms}: \
                     an attempt must end {SLACK_MS} ms before its task",
                    endpoint.timeout_ms
                ));
            }
            if let Err(error) = endpoint.named(name) {
                problems.push(format!("{error:#}"));
            }
            for source in endpoint.sources.iter().flatten() {
                if !config.sources.contains_key(source) {
                    problems.push(format!(
                        "[notify.endpoints.{name}] sources has {source:?}, and no such source is \
                         configured"
                    ));
                }
            }
        }
        let ours = |resource: &&String| processor::resource::is_our_function(resource);
        if !self.endpoints.is_empty()
            && let Some(resource) = config.tasks.keys().find(ours)
        {
            problems.push(format!(
                "[tasks.\"{resource}\"] takes the sending of notifications to that endpoint, which \
                 would take it for a payment: give your own function another name"
            ));
        }
        let hands = config.processor.concurrency;
        if !self.endpoints.is_empty() && hands > 1 && self.concurrency >= hands {
            problems.push(format!(
                "notify.concurrency is {}, and processor.concurrency is {hands}: endpoints that \
                 hang would hold up payments; set notify.concurrency to {} or less",
                self.concurrency,
                hands - 1
            ));
        }
        problems
    }
}

impl EndpointConfig {
    fn named(&self, name: &str) -> anyhow::Result<(EndpointName, Endpoint)> {
        let at = || format!("[notify.endpoints.{name}]");
        let named = EndpointName::try_new(name).with_context(at)?;
        Ok((named, self.endpoint().with_context(at)?))
    }

    fn endpoint(&self) -> anyhow::Result<Endpoint> {
        self.check_url()?;
        ensure!(
            (1..=TIMEOUT_MS_MAX).contains(&self.timeout_ms),
            "timeout_ms is {}; it must be from 1 to {TIMEOUT_MS_MAX}",
            self.timeout_ms
        );
        Ok(Endpoint {
            target: Target::try_new(&self.url, Millis::new(self.timeout_ms), &[])?,
            signer: self.signer()?,
            wants: self.wants()?,
        })
    }

    /// Messages go where this says and nowhere else, so it must say so plainly.
    fn check_url(&self) -> anyhow::Result<()> {
        ensure!(!self.url.is_empty(), "it has no url");
        outbound_url::parse(&self.url, self.plain_http)?;
        Ok(())
    }

    fn signer(&self) -> anyhow::Result<StandardSigner> {
        ensure!(
            !self.secrets.is_empty(),
            "it has no secret: nothing would prove who sends. Add one, for example \
             secrets = [{{ env = \"PAYHOOK_NOTIFY_SECRET\" }}]"
        );
        ensure!(
            self.secrets.len() <= limits::SECRETS_MAX,
            "it has more than {} secrets",
            limits::SECRETS_MAX
        );
        let mut secrets = Vec::new();
        for (place, secret) in self.secrets.iter().enumerate() {
            let read = signing_secret(secret, place);
            secrets.push(read.with_context(|| format!("secret number {}", place + 1))?);
        }
        StandardSigner::try_new(secrets).map_err(|(place, invalid)| {
            anyhow::Error::new(invalid).context(format!("secret number {}", place + 1))
        })
    }

    fn wants(&self) -> anyhow::Result<Wants> {
        let is_empty = |list: Option<usize>| list == Some(0);
        ensure!(
            !is_empty(self.sources.as_ref().map(Vec::len))
                && !is_empty(self.statuses.as_ref().map(Vec::len)),
            "an empty list of sources or statuses would have it told nothing; leave it out to have \
             it told everything"
        );
        let sources = self.sources.as_ref().map(|names| {
            let names = names.iter();
            names
                .map(|name| SourceName::try_new(name).with_context(|| format!("sources: {name:?}")))
                .collect::<anyhow::Result<BTreeSet<_>>>()
        });
        Ok(Wants {
            sources: sources.transpose()?,
            outcomes: self
                .statuses
                .as_ref()
                .map(|statuses| statuses.iter().copied().collect()),
        })
    }

    /// Where it is, without what may be secret: no path and no query.
    pub(crate) fn origin(&self) -> String {
        origin_of(&self.url)
    }
}

fn origin_alone<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&origin_of(url))
}

fn origin_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

fn signing_secret(config: &SecretConfig, place: usize) -> anyhow::Result<Secret> {
    ensure!(
        config.key_id.is_none(),
        "key_id would do nothing: a message does not name its key"
    );
    let label = config.label.clone();
    let label = label.unwrap_or_else(|| format!("{}", place + 1));
    let mut secret = Secret::new(label, config.read()?);
    if let Some(text) = &config.starts_at {
        secret = secret.starting_at(moment("starts_at", text)?);
    }
    if let Some(text) = &config.retires_at {
        secret = secret.retiring_at(moment("retires_at", text)?);
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn problems(text: &str) -> Vec<String> {
        let config: Config = toml::from_str(text).unwrap();
        config.notify.problems(&config)
    }

    fn endpoint(lines: &str) -> String {
        let secret = format!("secrets = [{{ value = '{SECRET}', in_clear = true }}]");
        let has_secret = lines.contains("secrets");
        let secret = if has_secret { "" } else { &secret };
        format!("[sources.generic]\n[notify.endpoints.shop]\n{secret}\n{lines}")
    }

    #[test]
    fn endpoints_are_where_messages_may_go() {
        for url in [
            "https://shop.example/hooks?tenant=1",
            "http://127.0.0.1:9000/hooks",
            "http://[::1]:9000/",
            "http://localhost/",
        ] {
            assert_eq!(
                problems(&endpoint(&format!("url = '{url}'"))),
                [""; 0],
                "{url}"
            );
        }
        let trusted = "url = 'http://shop.internal/'\nplain_http = true";
        assert_eq!(problems(&endpoint(trusted)), [""; 0]);
        for (url, reason) in [
            ("", "no url"),
            ("shop.example", "no URL"),
            ("ftp://shop.example/", "must begin with https://"),
            ("file:///etc/passwd", "must begin with https://"),
            ("http://shop.example/", "plain_http"),
            ("http://10.0.0.1/", "plain_http"),
            ("http://127.0.0.1.example/", "plain_http"),
            ("https://ana:hunter2@shop.example/", "credentials"),
            ("https://shop.example/#x", "fragment"),
        ] {
            let found = problems(&endpoint(&format!("url = '{url}'")));
            assert_eq!(found.len(), 1, "{url}: {found:?}");
            assert!(found[0].starts_with("[notify.endpoints.shop]"), "{found:?}");
            assert!(found[0].contains(reason), "{url}: {found:?}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
    }

    #[test]
    fn what_would_not_work_is_refused_where_it_stands() {
        let url = "url = 'https://shop.example/'";
        let with = |lines: &str| endpoint(&format!("{url}\n{lines}"));
        let secret = |text: &str| {
            with(&format!(
                "secrets = [{{ value = '{text}', in_clear = true }}]"
            ))
        };
        for (text, reason) in [
            (with("secrets = []"), "no secret"),
            (secret("hunter2hunter2"), "begins with whsec_"),
            (secret("whsec_AAAA"), "24 to 64 bytes"),
            (secret("whpk_AAAA"), "public key"),
            (secret("whsk_AAAA"), "ed25519"),
            (
                with("secrets = [{ env = 'PAYHOOK_NO_SUCH' }]"),
                "is not set",
            ),
            (
                with("secrets = [{ value = 'x', in_clear = true, key_id = 'k' }]"),
                "key_id",
            ),
            (with("timeout_ms = 0"), "from 1 to 30000"),
            (with("timeout_ms = 30001"), "from 1 to 30000"),
            (with("sources = ['stripe']"), "no such source"),
            (with("sources = []"), "empty list"),
            (with("statuses = []"), "empty list"),
            (
                with("") + "\n[notify]\nschedule_seconds = []",
                "no schedule",
            ),
            (
                with("") + "\n[notify]\nschedule_seconds = [0, 99999999]",
                "no schedule",
            ),
            (
                with("") + "\n[notify]\ndisable_after_seconds = 0",
                "disable_after_seconds",
            ),
            (
                with("") + "\n[processor]\ntimeout_ms = 16999",
                "2000 ms before its task",
            ),
            (with("") + "\n[notify]\nconcurrency = 0", "concurrency is 0"),
            (with("") + "\n[notify]\nconcurrency = 10", "to 9 or less"),
            (
                format!(
                    "[notify.endpoints.Shop]\n{url}\nsecrets = [{{ value = '{SECRET}', in_clear = true }}]"
                ),
                "an endpoint's name",
            ),
        ] {
            let found = problems(&text).join("\n");
            assert!(found.contains(reason), "{text}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
        let statuses = toml::from_str::<Config>(&with("statuses = ['paid']"));
        assert!(statuses.is_err());
        let fits = with("timeout_ms = 30000\nsources = ['generic']\nstatuses = ['failed']");
        assert_eq!(problems(&fits), [""; 0]);
        let alone = with("") + "\n[processor]\nconcurrency = 1";
        assert_eq!(
            problems(&alone),
            [""; 0],
            "with one hand there is no choice"
        );
        let in_time = with("") + "\n[processor]\ntimeout_ms = 17000";
        assert_eq!(problems(&in_time), [""; 0]);
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        let config: Config = toml::from_str(&endpoint(
            "url = 'https://shop.example:8443/hunter2?k=hunter2'",
        ))
        .unwrap();
        let shop = &config.notify.endpoints["shop"];
        assert_eq!(shop.origin(), "https://shop.example:8443");
    }
}
