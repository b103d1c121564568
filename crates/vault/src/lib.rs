//! Sealing what is kept: envelope encryption whose keys can be destroyed one by one.
//!
//! Bytes are sealed (AES-256-GCM) under a *data key* of their own; data keys are wrapped by a
//! *wrapping key* of the ring, and wrapping keys by the *master key*, which is the only one that
//! comes from outside. In reading order: [`place`] is what a sealed value is bound to, [`key`] the
//! three kinds of keys, [`ring`] the wrapping keys that a store has, [`file`](mod@file) where a master key
//! may lie. [`checkpoint`] is another matter: what is written down of a journal, signed. It knows no table and no database, and has no clock.
#![warn(missing_docs)]

pub mod place;
mod sealer;
pub mod key;
pub mod ring;
pub mod file;
pub mod checkpoint;

/// A seal that cannot be opened, or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SealError {
    /// The bytes were sealed under another key, or for another place, or were altered since. The
    /// cipher cannot tell which.
    #[error("sealed under another key or for another place, or altered since")]
    NotOpened,
    /// The wrapping key that the data key was wrapped by is not in the ring.
    #[error("wrapped by key {wrapping}, which is not in the ring")]
    NoSuchWrapping {
        /// Its number.
        wrapping: u64,
    },
    /// The cryptographic library could not do it: the system gives no randomness.
    #[error("the cryptographic library failed")]
    Failed,
}
