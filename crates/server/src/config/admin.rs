//! The listener that operators call: health, metrics, and everything that inspects.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};

use super::secrets::SecretConfig;
use crate::admin::keyring::{ADMIN, Operator, Role};

/// `[admin]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AdminConfig {
    /// Address and port. Port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// A file that holds the bearer token. Without one a token is made at the first start and
    /// kept in the data directory, where the command line finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// People and scripts with tokens of their own, by name.
    pub(crate) operators: BTreeMap<String, OperatorConfig>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token_file: None,
            operators: BTreeMap::new(),
        }
    }
}

/// `[admin.operators.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OperatorConfig {
    /// What they may do.
    pub(crate) role: Role,
    /// Where their token comes from.
    pub(crate) token: SecretConfig,
}

/// Shortest token that is taken, in bytes: one that is guessed opens everything.
const TOKEN_BYTES_MIN: usize = 16;

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl AdminConfig {
    /// The operators that are configured, their tokens read.
    ///
    /// # Errors
    /// A name or a token that cannot be one, or one that two operators share.
    pub(crate) fn operators(&self) -> anyhow::Result<Vec<Operator>> {
        let mut operators: Vec<Operator> = Vec::new();
        for (name, config) in &self.operators {
            let operator = config
                .operator(name)
                .with_context(|| format!("[admin.operators.{name}]"))?;
            let shared = operators
                .iter()
                .find(|other| other.token.expose() == operator.token.expose());
            if let Some(other) = shared {
                anyhow::bail!(
                    "[admin.operators.{name}] has the token of {}; give each their own",
                    other.name
                );
            }
            operators.push(operator);
        }
        Ok(operators)
    }
}

impl OperatorConfig {
    fn operator(&self, name: &str) -> anyhow::Result<Operator> {
        let is_word = name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
        });
        ensure!(
            is_word && (1..=NAME_BYTES_MAX).contains(&name.len()),
            "a name is made of a to z, 0 to 9, - and _"
        );
        ensure!(
            name != ADMIN,
            "{ADMIN} is whoever holds the token in the data directory; choose another name"
        );
        let token = self.token.read()?;
        ensure!(
            token.len() >= TOKEN_BYTES_MIN,
            "a token has at least {TOKEN_BYTES_MIN} bytes; `openssl rand -hex 32` makes one"
        );
        Ok(Operator {
            name: name.to_owned(),
            role: self.role,
            token: Secret::new(name, token),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, token: &str) -> anyhow::Result<Vec<Operator>> {
        let text = format!(
            "[operators.\"{name}\"]\nrole = 'read'\ntoken = {{ value = '{token}', in_clear = true }}\n\
             [operators.zoe]\nrole = 'operate'\ntoken = {{ value = 'zoe-zoe-zoe-zoe-zoe', in_clear = true }}"
        );
        toml::from_str::<AdminConfig>(&text).unwrap().operators()
    }

    #[test]
    fn operators_have_names_and_tokens_of_their_own() {
        let operators = of("ana-2", "0123456789abcdef").unwrap();
        let known: Vec<_> = operators
            .iter()
            .map(|operator| (operator.name.as_str(), operator.role))
            .collect();
        assert_eq!(known, [("ana-2", Role::Read), ("zoe", Role::Operate)]);
        for (name, token, reason) in [
            ("admin", "0123456789abcdef", "choose another name"),
            ("Ana", "0123456789abcdef", "a to z"),
            ("", "0123456789abcdef", "a to z"),
            ("ana", "0123456789abcde", "at least 16 bytes"),
            ("ana", "zoe-zoe-zoe-zoe-zoe", "the token of ana"),
        ] {
            let error = format!("{:#}", of(name, token).unwrap_err());
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains(token), "{error}");
        }
    }
}
