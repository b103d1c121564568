//! Signing secrets: never printed, wiped when dropped, several at a time while one is rotated.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::signature::{HmacAlgorithm, KeyForm, Keyed, KeyedOnce};
use crate::time::Timestamp;

/// One key that a source may sign with.
#[derive(Clone)]
pub struct Secret {
    label: String,
    key: Zeroizing<Vec<u8>>,
    id: Option<String>,
    starts_at: Option<Timestamp>,
    retires_at: Option<Timestamp>,
    keyed: KeyedOnce,
}

impl Secret {
    /// A secret that is valid until it is taken out of the configuration. The `label` names it
    /// in logs and metrics and must not hold any part of the key.
    pub fn new(label: impl Into<String>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            label: label.into(),
            key: Zeroizing::new(key.into()),
            id: None,
            starts_at: None,
            retires_at: None,
            keyed: KeyedOnce::default(),
        }
    }

    /// The same secret with the provider's own name for it, which a delivery may hold.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The same secret, refused for deliveries received before `when`.
    pub fn starting_at(mut self, when: Timestamp) -> Self {
        self.starts_at = Some(when);
        self
    }

    /// The same secret, refused for deliveries received at or after `when`.
    pub fn retiring_at(mut self, when: Timestamp) -> Self {
        self.retires_at = Some(when);
        self
    }

    /// The name that may be shown.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether a delivery received at `now` may be signed with it.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.starts_at.is_none_or(|start| start <= now)
            && self.retires_at.is_none_or(|end| now < end)
    }

    /// The provider's own name for it, if one was given.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether a signature that names `claimed` may be made with it. A secret without a name may
    /// be any, and so may a signature's that names none.
    pub fn has_id(&self, claimed: Option<&str>) -> bool {
        match (self.id.as_deref(), claimed) {
            (Some(own), Some(claimed)) => own == claimed,
            (None, _) | (_, None) => true,
        }
    }

    /// When it begins to be valid, if a time was set.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.starts_at
    }

    /// When it stops being valid, if a time was set.
    pub fn retires_at(&self) -> Option<Timestamp> {
        self.retires_at
    }

    /// The HMAC with this secret as its key, worked out when it is first asked for; `None` where
    /// its text is not of this form.
    pub(crate) fn keyed(&self, form: KeyForm, algorithm: HmacAlgorithm) -> Option<Cow<'_, Keyed>> {
        self.keyed.of(self, form, algorithm)
    }

    /// The key itself, for the one place that computes MACs and for signing test deliveries.
    pub fn expose(&self) -> &[u8] {
        &self.key
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Secret")
            .field("label", &self.label)
            .field("retires_at", &self.retires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_live_up_to_its_last_millisecond_and_never_printed() {
        let secret = Secret::new("old", "hunter2").retiring_at(Timestamp::from_millis(10));
        assert!(secret.is_live(Timestamp::from_millis(9)));
        assert!(!secret.is_live(Timestamp::from_millis(10)));
        assert!(!alloc::format!("{secret:?}").contains("hunter2"));
    }
}
