//! Who may call the admin listener, and what each may do.

use std::fmt;

use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// The name of whoever holds the token in the data directory, or in `admin.token_file`.
pub(crate) const ADMIN: &str = "admin";

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Look, but not at what was sent in clear, and change nothing.
    Read,
    /// Do whatever can be done.
    Operate,
}

/// Somebody with a token of their own.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// Who they are, in the audit log.
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
    /// What they show for it.
    pub(crate) token: Secret,
}

/// Everybody who may call.
#[derive(Debug, Clone)]
pub(crate) struct Keyring(Vec<Operator>);

impl Keyring {
    /// These operators and nobody else.
    pub(crate) fn new(operators: Vec<Operator>) -> Self {
        Self(operators)
    }

    /// Whoever holds this token. Takes as long whoever it is.
    pub(crate) fn by_token(&self, given: &[u8]) -> Option<&Operator> {
        let mut found = None;
        for operator in &self.0 {
            if bool::from(given.ct_eq(operator.token.expose())) {
                found = Some(operator);
            }
        }
        found
    }

    /// Whoever is called so.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Operator> {
        self.0.iter().find(|operator| operator.name == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Read => "read",
            Self::Operate => "operate",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_operators_and_no_part_of_it_is() {
        let operator = |name: &str, role| Operator {
            name: name.to_owned(),
            role,
            token: Secret::new(name, format!("{name}-token")),
        };
        let keyring = Keyring::new(vec![
            operator("ana", Role::Read),
            operator("bo", Role::Operate),
        ]);
        let named = |token: &str| keyring.by_token(token.as_bytes()).map(|found| &*found.name);
        assert_eq!(named("ana-token"), Some("ana"));
        assert_eq!(named("bo-token"), Some("bo"));
        for wrong in ["", "ana", "ana-toke", "ana-token0", "bo-token\n"] {
            assert_eq!(named(wrong), None, "{wrong:?}");
        }
        let bo = keyring.by_token(b"bo-token").map(|bo| bo.role);
        assert_eq!(bo, Some(Role::Operate));
    }
}
