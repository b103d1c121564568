//! The master key that everything received is sealed under: a file, a variable, or what a command
//! prints, which is how a key service is asked (AWS KMS, Vault) without being built in.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use tracing::info;
use vault::file;
use vault::key::MasterKey;
use vault::ring::MasterKeys;
use zeroize::Zeroizing;

/// `[encryption]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EncryptionConfig {
    /// The master key; one that is made in the data directory where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master_key: Option<MasterKeyConfig>,
    /// Master keys that were used before: they open what is still wrapped by them.
    pub(crate) previous: Vec<MasterKeyConfig>,
}

/// Where a master key comes from. Exactly one is given.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MasterKeyConfig {
    /// The file that holds it, which nobody but its owner may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// The command that prints it, with its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Vec<String>>,
}

impl EncryptionConfig {
    /// The keys that the store is opened with; `None` for the one that it makes for itself.
    ///
    /// # Errors
    /// One of them is not to be had.
    pub(crate) fn build(&self) -> anyhow::Result<Option<MasterKeys>> {
        let Some(current) = &self.master_key else {
            ensure!(
                self.previous.is_empty(),
                "[encryption] has `previous` keys and no `master_key` to go on with"
            );
            return Ok(None);
        };
        let current = current.read().context("[encryption] master_key")?;
        let previous = self.previous.iter().map(MasterKeyConfig::read);
        let previous = previous.collect::<Result<_, _>>();
        let previous = previous.context("[encryption] previous")?;
        Ok(Some(MasterKeys::new(current, previous)))
    }

    /// What would keep the store from being opened, as far as it is seen without running commands.
    pub(crate) fn problem(&self) -> Option<anyhow::Error> {
        let is_asked = |key: &MasterKeyConfig| key.command.is_some();
        if self.master_key.iter().chain(&self.previous).any(is_asked) {
            return None;
        }
        self.build().err()
    }
}

impl MasterKeyConfig {
    #[expect(
        clippy::disallowed_methods,
        reason = "a master key may come from the environment"
    )]
    fn read(&self) -> anyhow::Result<MasterKey> {
        match (&self.file, &self.env, &self.command) {
            (Some(path), None, None) => Ok(file::read(path)?),
            (None, Some(name), None) => {
                let text = std::env::var(name)
                    .map(Zeroizing::new)
                    .with_context(|| format!("environment variable {name} is not set"))?;
                let key = MasterKey::parse(text.as_bytes());
                key.with_context(|| format!("environment variable {name}"))
            }
            (None, None, Some(command)) => ask(command),
            _ => bail!("a master key needs exactly one of `file`, `env` and `command`"),
        }
    }
}

/// Runs a command and reads the key that it prints. What it says otherwise is shown as it says it;
/// what it prints is shown to nobody.
fn ask(command: &[String]) -> anyhow::Result<MasterKey> {
    let (program, arguments) = command.split_first().context("`command` is empty")?;
    info!(program, "asking for the master key");
    let asked = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let answer = asked.with_context(|| format!("cannot run {program}"))?;
    let printed = Zeroizing::new(answer.stdout);
    ensure!(
        answer.status.success(),
        "{program} gave no master key: {}",
        answer.status
    );
    MasterKey::parse(&printed).with_context(|| format!("what {program} printed"))
}

impl fmt::Debug for MasterKeyConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where a key is, and never a key; of a command only its name, for its arguments may be
        // secrets.
        let program = self.command.as_ref().and_then(|command| command.first());
        formatter
            .debug_struct("MasterKeyConfig")
            .field("file", &self.file)
            .field("env", &self.env)
            .field("program", &program)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(script: &str) -> EncryptionConfig {
        let words = ["sh", "-c", script].map(str::to_owned).to_vec();
        EncryptionConfig {
            master_key: Some(MasterKeyConfig {
                command: Some(words),
                ..MasterKeyConfig::default()
            }),
            ..EncryptionConfig::default()
        }
    }

    fn id(config: &EncryptionConfig) -> String {
        let keys = config.build().unwrap();
        keys.map_or("generated".to_owned(), |keys| keys.current().to_string())
    }

    #[test]
    fn a_command_gives_the_key_that_it_prints() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let one = id(&command(&format!("echo {hex}")));
        assert_eq!(one, id(&command(&format!("printf {base64}"))));
        for (script, words) in [
            ("echo secretsecret", "64 hexadecimal digits"),
            ("echo secretsecret; exit 3", "gave no master key"),
            ("exit 0", "64 hexadecimal digits"),
        ] {
            let refused = format!("{:#}", command(script).build().unwrap_err());
            assert!(refused.contains(words), "{script}: {refused}");
            assert!(!refused.contains("secretsecret"), "{script}: {refused}");
        }
    }

    #[test]
    fn a_key_comes_from_one_place_and_its_words_are_not_printed() {
        let file = PathBuf::from("/nowhere");
        let mut both = command("echo secretsecret");
        assert!(!format!("{both:?}").contains("secretsecret"));
        if let Some(key) = &mut both.master_key {
            key.file = Some(file);
        }
        assert!(both.build().is_err());
        let none = EncryptionConfig::default();
        assert_eq!(id(&none), "generated");
        let previous = EncryptionConfig {
            previous: vec![MasterKeyConfig::default()],
            ..EncryptionConfig::default()
        };
        assert!(previous.problem().is_some());
        let empty = EncryptionConfig {
            master_key: Some(MasterKeyConfig::default()),
            ..EncryptionConfig::default()
        };
        assert!(empty.problem().is_some());
    }
}
