//! The demo's server, in a process of its own so that it can be killed, and the sender.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::signature::Draft;
use engine::clock::{Clock as _, SystemClock};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use super::script::{self, Delivery, Signing};
use crate::config::Config;
use crate::runtime_file::RuntimeFile;
use crate::wire::DEFAULT_WORKFLOW;

/// The variable that hands the secret to the server.
const SECRET_VARIABLE: &str = "PAYHOOK_DEMO_SECRET";

/// How long a server may take to be there.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it may take to end in order.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a sender tries again, and how often a starting server is looked for.
const PAUSE: Duration = Duration::from_millis(25);

/// Everything that the server is started from.
pub(super) struct Stage {
    directory: PathBuf,
    secret: String,
    client: reqwest::Client,
}

/// A server process of the demo. Ends with the demo, however that ends.
pub(super) struct Child {
    process: std::process::Child,
}

/// A server that was started again while somebody was sending.
pub(super) struct Restarted {
    /// The new process.
    pub(super) child: Child,
    /// What the sender was answered in the end.
    pub(super) answer: Answer,
}

/// What a sender was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// `x-payhook-outcome`, or the error's code.
    pub(super) word: String,
}

impl Stage {
    /// Lays out a directory: data, configuration, and a workflow with shorter waits.
    pub(super) fn build(directory: Option<PathBuf>, secret: &str) -> anyhow::Result<Self> {
        let directory = match directory {
            Some(directory) => directory,
            None => tempfile::Builder::new()
                .prefix("payhook-demo-")
                .tempdir()?
                .keep(),
        };
        fs::create_dir_all(&directory)?;
        let stage = Self {
            directory,
            secret: secret.to_owned(),
            client: reqwest::Client::builder().no_proxy().build()?,
        };
        ensure!(
            !stage.data().exists(),
            "{} holds a store already; choose another --dir",
            stage.data().display()
        );
        fs::write(
            stage.directory.join("payment.asl.json"),
            impatient_workflow()?,
        )?;
        stage.write_configuration("127.0.0.1:0")?;
        Ok(stage)
    }

    /// The configuration file.
    pub(super) fn configuration(&self) -> PathBuf {
        self.directory.join("payhook.toml")
    }

    /// What the server was told, as far as the demo's own questions need it.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.path = self.data();
        config
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn write_configuration(&self, listen: &str) -> anyhow::Result<()> {
        let mut scripts = String::new();
        if let Value::Object(entries) = script::gateway_scripts() {
            for (payment, acts) in entries {
                scripts.push_str(&format!("{payment} = {acts}\n"));
            }
        }
        let quoted = |path: PathBuf| toml::Value::String(path.display().to_string()).to_string();
        let text = format!(
            "[server]\nlisten = \"{listen}\"\n\n[admin]\nlisten = \"127.0.0.1:0\"\n\n\
             [store]\npath = {data}\n\n\
             [sources.generic]\nsecrets = [{{ env = \"{SECRET_VARIABLE}\", label = \"demo\" }}]\n\n\
             [workflow]\ndefinition = {workflow}\n\n\
             [gateway.simulated]\nlatency_ms = 50\nfailure_percent = 0\n\n\
             [gateway.simulated.scripts]\n{scripts}\n[log]\nformat = \"json\"\n",
            data = quoted(self.data()),
            workflow = quoted(self.directory.join("payment.asl.json")),
        );
        fs::write(self.configuration(), text).context("the demo's configuration cannot be written")
    }

    /// Starts a server and waits until it is there.
    pub(super) async fn start(&self) -> anyhow::Result<Child> {
        let mut child = self.spawn()?;
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        loop {
            let runtime = RuntimeFile::read(&self.data());
            if let Some(runtime) = runtime.filter(|runtime| runtime.pid == child.process.id()) {
                // The next server must be where senders look for this one.
                self.write_configuration(&runtime.listen.to_string())?;
                return Ok(child);
            }
            let log = self.directory.join("server.log");
            if let Some(status) = child.process.try_wait()? {
                bail!("the server ended with {status}; see {}", log.display());
            }
            ensure!(
                tokio::time::Instant::now() < deadline,
                "the server is not there after {} s; see {}",
                START_TIMEOUT.as_secs(),
                log.display()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("server.log"))
            .context("the server's log cannot be written")?;
        let process = Command::new(std::env::current_exe()?)
            .arg("--config")
            .arg(self.configuration())
            .arg("serve")
            .env(SECRET_VARIABLE, &self.secret)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("the server cannot be started")?;
        Ok(Child { process })
    }

    /// Sends one delivery to a server that is there.
    pub(super) async fn send(&self, delivery: &Delivery) -> anyhow::Result<Answer> {
        self.try_send(delivery)
            .await
            .context("the server does not answer")
    }

    /// Sends one delivery again and again, as providers do, and starts the server meanwhile.
    pub(super) async fn restart_while_sending(
        &self,
        delivery: &Delivery,
        progress: &ProgressBar,
    ) -> anyhow::Result<Restarted> {
        let sender = async {
            let mut refused = 0_u32;
            loop {
                match self.try_send(delivery).await {
                    Ok(answer) => return answer,
                    Err(_) => {
                        refused += 1;
                        progress.set_message(format!("no server; sent in vain {refused} times"));
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        };
        let starter = async {
            // Long enough for the sender to find nobody at least once.
            tokio::time::sleep(4 * PAUSE).await;
            self.start().await
        };
        let both = async { tokio::join!(sender, starter) };
        let (answer, child) = tokio::time::timeout(START_TIMEOUT, both)
            .await
            .context("the restarted server does not answer")?;
        Ok(Restarted {
            child: child?,
            answer,
        })
    }

    async fn try_send(&self, delivery: &Delivery) -> anyhow::Result<Answer> {
        let runtime = RuntimeFile::read(&self.data()).context("no server is known")?;
        let mut request = self
            .client
            .post(format!("http://{}/webhooks", runtime.listen))
            .header("content-type", "application/json")
            .timeout(Duration::from_secs(10))
            .body(delivery.body.clone());
        let key = match delivery.signing {
            Signing::Genuine => Some(self.secret.as_bytes()),
            Signing::Forged => Some(b"a guess".as_slice()),
            Signing::Unsigned => None,
        };
        if let Some(key) = key {
            let draft = Draft {
                body: delivery.body.clone().into(),
                ..Draft::default()
            };
            let provider = Provider::try_new(ProviderId::Generic, Settings::default())?;
            let secret = Secret::new("demo", key);
            let signed = provider.scheme().sign(draft, &secret, SystemClock.now())?;
            for (name, value) in signed.headers {
                request = request.header(name, value);
            }
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let outcome = response
            .headers()
            .get(engine::ingress::OUTCOME_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body: Value = response.json().await?;
        let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
        Ok(Answer {
            status,
            word: outcome.unwrap_or_else(|| code.to_owned()),
        })
    }
}

impl Child {
    /// Kills it without warning, as a power cut would.
    pub(super) fn kill(mut self) -> std::io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(|_| ())
    }

    /// Asks it to stop and waits until it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.process.id().to_string();
        // The standard library can only kill; asking is the `kill` command's business.
        Command::new("kill")
            .arg(&pid)
            .status()
            .context("`kill` cannot be run")?;
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        while tokio::time::Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!(
            "the server did not stop within {} s",
            STOP_TIMEOUT.as_secs()
        )
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The shipped workflow with one second between attempts, so that the demo is over soon.
fn impatient_workflow() -> anyhow::Result<String> {
    let mut workflow: Value = serde_json::from_str(DEFAULT_WORKFLOW)?;
    let states = workflow.get_mut("States").and_then(Value::as_object_mut);
    for state in states.into_iter().flat_map(|states| states.values_mut()) {
        let retriers = state.get_mut("Retry").and_then(Value::as_array_mut);
        for retrier in retriers
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            if retrier.contains_key("IntervalSeconds") {
                retrier.insert("IntervalSeconds".to_owned(), 1.into());
                retrier.insert("BackoffRate".to_owned(), 1.0.into());
            }
        }
    }
    Ok(serde_json::to_string_pretty(&workflow)?)
}
