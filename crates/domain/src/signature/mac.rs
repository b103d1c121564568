//! HMAC over several pieces in a row, without putting them together first.

use core::fmt;

use hmac::{Hmac, KeyInit as _};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// The hash under an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HmacAlgorithm {
    /// HMAC-SHA-1, 20 bytes: as a MAC still unbroken, and what some providers use.
    Sha1,
    /// HMAC-SHA-256, 32 bytes.
    Sha256,
    /// HMAC-SHA-512, 64 bytes.
    Sha512,
}

/// An HMAC with its key worked in, ready for any number of messages. As secret as the key.
#[derive(Clone)]
pub(crate) enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
    Broken,
}

/// A MAC: at most 64 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Mac {
    bytes: [u8; 64],
    length: usize,
}

impl HmacAlgorithm {
    /// Every algorithm, the likeliest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha512, Self::Sha1];

    /// Length of the MAC, in bytes.
    pub const fn mac_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The name as people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The MAC of the pieces in a row under `key`.
    pub(crate) fn mac<P: AsRef<[u8]>>(self, key: &[u8], pieces: &[P]) -> Mac {
        self.keyed(key).mac(pieces)
    }

    /// The HMAC with `key` worked in: a fifth to a third of the work on a short message.
    pub(crate) fn keyed(self, key: &[u8]) -> Keyed {
        // HMAC takes keys of every length (RFC 2104, section 3), so `Broken` is never reached.
        let keyed = match self {
            Self::Sha1 => Hmac::new_from_slice(key).map(Keyed::Sha1),
            Self::Sha256 => Hmac::new_from_slice(key).map(Keyed::Sha256),
            Self::Sha512 => Hmac::new_from_slice(key).map(Keyed::Sha512),
        };
        keyed.unwrap_or(Keyed::Broken)
    }

    /// The plain hash of `parts` in a row: what some senders take for a MAC. It proves nothing.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> Mac {
        match self {
            Self::Sha1 => hash::<Sha1>(parts),
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Sha512 => hash::<Sha512>(parts),
        }
    }
}

impl Keyed {
    /// The MAC of the pieces in a row.
    pub(crate) fn mac<P: AsRef<[u8]>>(&self, pieces: &[P]) -> Mac {
        match self {
            Self::Sha1(keyed) => mac(keyed, pieces),
            Self::Sha256(keyed) => mac(keyed, pieces),
            Self::Sha512(keyed) => mac(keyed, pieces),
            Self::Broken => Mac::new(&[]),
        }
    }
}

impl Mac {
    fn new(bytes: &[u8]) -> Self {
        let mut mac = Self {
            bytes: [0; 64],
            length: bytes.len(),
        };
        if let Some(room) = mac.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        mac
    }

    /// Whether `claimed` is this MAC, in a time that depends on its length only.
    pub(crate) fn is(&self, claimed: &[u8]) -> bool {
        bool::from(self.as_ref().ct_eq(claimed))
    }
}

impl AsRef<[u8]> for Mac {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

// What would have been right is nobody's to read.
impl fmt::Debug for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Mac(..)")
    }
}

fn mac<M: hmac::Mac + Clone, P: AsRef<[u8]>>(keyed: &M, pieces: &[P]) -> Mac {
    let mut mac = keyed.clone();
    for piece in pieces {
        mac.update(piece.as_ref());
    }
    Mac::new(&mac.finalize().into_bytes())
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Mac {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    Mac::new(&digest.finalize())
}
