//! How far an event has come: received, claimed by its execution, completed or failed.
//!
//! The seed left a payment whose processing failed at `pending` for ever. Here every end has
//! a state, and only the changes in [`Settlement::apply`]'s table can happen.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Where an event stands. What is written on the wire as its `status` is said by
/// [`crate::record::EventRecord::status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Settlement {
    /// Kept, and nothing else has happened; the provider's own status stands.
    #[default]
    Received,
    /// An execution has claimed it and may have asked the gateway already.
    Processing {
        /// The execution's name.
        execution: String,
        /// When it was claimed.
        updated_at: Timestamp,
    },
    /// The gateway has settled it. Final.
    Completed {
        /// The gateway's id of what it did.
        transaction_id: String,
        /// When the gateway did it.
        processed_at: Timestamp,
        /// When we recorded it.
        updated_at: Timestamp,
    },
    /// Every attempt failed; a person decides. A redrive takes it up again.
    Failed {
        /// The error's name, as the workflow matches it.
        error: String,
        /// What went wrong, for the person.
        cause: String,
        /// When we recorded it.
        updated_at: Timestamp,
    },
}

/// What a task wants recorded about its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettlementChange {
    /// This execution, and no other, will process the event.
    Claim {
        /// The execution's name.
        execution: String,
    },
    /// The gateway has settled it.
    Complete {
        /// The gateway's id of what it did.
        transaction_id: String,
        /// When the gateway did it.
        processed_at: Timestamp,
    },
    /// The attempts are spent.
    Fail {
        /// The error's name.
        error: String,
        /// What went wrong.
        cause: String,
    },
}

/// What applying a change to a settlement gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// The settlement that now holds; to be written.
    Changed(Settlement),
    /// It held already: the change was applied before, by an attempt whose end we did not see.
    AlreadySo,
    /// It contradicts what holds; nothing may be written.
    Refused,
}

impl Settlement {
    /// Whether this execution has claimed it and is at work.
    pub fn is_claimed_by(&self, execution: &str) -> bool {
        match self {
            Self::Processing {
                execution: holder, ..
            } => holder == execution,
            Self::Received | Self::Completed { .. } | Self::Failed { .. } => false,
        }
    }

    /// Applies `change` at `now`.
    ///
    /// | from | claim | complete | fail |
    /// |---|---|---|---|
    /// | received | processing | completed | failed |
    /// | processing, same execution | already so | completed | failed |
    /// | processing, another | refused | completed | failed |
    /// | completed | refused | already so if the transaction is the same | refused |
    /// | failed | processing: the redrive | completed | already so if the error and its cause are the same, else the newer one |
    ///
    /// A gateway's answer is a fact, so `complete` is taken from every state that does not
    /// contradict it, claimed or not: the seed's own workflow never claims.
    pub fn apply(&self, change: &SettlementChange, now: Timestamp) -> Applied {
        match (self, change) {
            (
                Self::Completed {
                    transaction_id: held,
                    ..
                },
                SettlementChange::Complete { transaction_id, .. },
            ) if held == transaction_id => Applied::AlreadySo,
            (Self::Completed { .. }, _) => Applied::Refused,
            (
                Self::Processing {
                    execution: holder, ..
                },
                SettlementChange::Claim { execution },
            ) => {
                if holder == execution {
                    Applied::AlreadySo
                } else {
                    Applied::Refused
                }
            }
            (
                Self::Failed {
                    error: held,
                    cause: held_cause,
                    ..
                },
                SettlementChange::Fail { error, cause },
            ) if held == error && held_cause == cause => Applied::AlreadySo,
            (Self::Received | Self::Failed { .. }, SettlementChange::Claim { execution }) => {
                Applied::Changed(Self::Processing {
                    execution: execution.clone(),
                    updated_at: now,
                })
            }
            (
                Self::Received | Self::Processing { .. } | Self::Failed { .. },
                SettlementChange::Complete {
                    transaction_id,
                    processed_at,
                },
            ) => Applied::Changed(Self::Completed {
                transaction_id: transaction_id.clone(),
                processed_at: *processed_at,
                updated_at: now,
            }),
            (
                Self::Received | Self::Processing { .. } | Self::Failed { .. },
                SettlementChange::Fail { error, cause },
            ) => Applied::Changed(Self::Failed {
                error: error.clone(),
                cause: cause.clone(),
                updated_at: now,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(7);

    fn settlement(text: &str) -> Settlement {
        let updated_at = NOW;
        match text.split_once(' ') {
            None => Settlement::Received,
            Some(("processing", execution)) => Settlement::Processing {
                execution: execution.into(),
                updated_at,
            },
            Some(("completed", id)) => Settlement::Completed {
                transaction_id: id.into(),
                processed_at: NOW,
                updated_at,
            },
            Some((_, error)) => Settlement::Failed {
                error: error.into(),
                cause: "why".into(),
                updated_at,
            },
        }
    }

    fn change(text: &str) -> SettlementChange {
        match text.split_once(' ').unwrap() {
            ("claim", execution) => SettlementChange::Claim {
                execution: execution.into(),
            },
            ("complete", id) => SettlementChange::Complete {
                transaction_id: id.into(),
                processed_at: NOW,
            },
            (_, error) => SettlementChange::Fail {
                error: error.into(),
                cause: "why".into(),
            },
        }
    }

    #[test]
    fn only_the_changes_of_the_table_happen() {
        for row in [
            "received     | claim x    | processing x",
            "received     | complete t | completed t",
            "received     | fail e     | failed e",
            "processing x | claim x    | already so",
            "processing x | claim y    | refused",
            "processing x | complete t | completed t",
            "processing x | fail e     | failed e",
            "completed t  | claim x    | refused",
            "completed t  | complete t | already so",
            "completed t  | complete u | refused",
            "completed t  | fail e     | refused",
            "failed e     | claim x    | processing x",
            "failed e     | complete t | completed t",
            "failed e     | fail e     | already so",
            "failed e     | fail f     | failed f",
        ] {
            let mut cells = row.split('|').map(str::trim);
            let from = settlement(cells.next().unwrap());
            let change = change(cells.next().unwrap());
            let expected = match cells.next().unwrap() {
                "already so" => Applied::AlreadySo,
                "refused" => Applied::Refused,
                to => Applied::Changed(settlement(to)),
            };
            assert_eq!(from.apply(&change, NOW), expected, "{row}");
        }
    }
}
