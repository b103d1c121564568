//! The proofs. Every constructor is called after a comparison that succeeded, in this module only.

use alloc::string::String;

/// Something whose sender has proved to hold one of the source's secrets, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    inner: T,
    secret_label: String,
}

/// Something whose sender is known, while nothing says that its bytes are as they were sent: the
/// token was right, or the signature covers a part only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated<T> {
    inner: T,
    secret_label: String,
}

/// What is known of a delivery's sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof<T> {
    /// The exact bytes are signed.
    Verified(Verified<T>),
    /// The sender is known; the body is not covered.
    Authenticated(Authenticated<T>),
}

/// The kind of a [`Proof`], as a word for listings, metrics and what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// See [`Proof::Verified`].
    Verified,
    /// See [`Proof::Authenticated`].
    Authenticated,
}

impl<T> Verified<T> {
    /// The one way to make this proof.
    pub(super) fn assertion(inner: T, secret_label: String) -> Self {
        Self {
            inner,
            secret_label,
        }
    }

    /// What was proved.
    pub fn get(&self) -> &T {
        &self.inner
    }
}

impl<T> Authenticated<T> {
    /// The one way to make this proof.
    pub(super) fn assertion(inner: T, secret_label: String) -> Self {
        Self {
            inner,
            secret_label,
        }
    }

    /// Whose sender is known.
    pub fn get(&self) -> &T {
        &self.inner
    }
}

impl<T> Proof<T> {
    /// What was proved.
    pub fn get(&self) -> &T {
        match self {
            Self::Verified(verified) => &verified.inner,
            Self::Authenticated(authenticated) => &authenticated.inner,
        }
    }

    /// What was proved, without the proof.
    pub fn into_inner(self) -> T {
        match self {
            Self::Verified(verified) => verified.inner,
            Self::Authenticated(authenticated) => authenticated.inner,
        }
    }

    /// The label of the secret that matched, to see when an old one is no longer used.
    pub fn secret_label(&self) -> &str {
        match self {
            Self::Verified(verified) => &verified.secret_label,
            Self::Authenticated(authenticated) => &authenticated.secret_label,
        }
    }

    /// How much was proved.
    pub const fn kind(&self) -> ProofKind {
        match self {
            Self::Verified(_) => ProofKind::Verified,
            Self::Authenticated(_) => ProofKind::Authenticated,
        }
    }
}

impl ProofKind {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Authenticated => "authenticated",
        }
    }
}
