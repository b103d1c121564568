//! The three kinds of keys. Their bytes are in no `Debug`, no error and no log; they are drawn from
//! the system's randomness and cleared when dropped.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::SealError;
use crate::place::Place;
use crate::sealer::{KEY_BYTES, Sealer};

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// The key that everything hangs on. It wraps the wrapping keys, and comes from outside.
pub struct MasterKey {
    id: MasterId,
    bytes: KeyBytes,
    sealer: Sealer,
}

/// The name of a master key: part of its hash, which tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterId([u8; 8]);

/// A key that seals one delivery and what became of it.
pub struct DataKey {
    bytes: KeyBytes,
    sealer: Sealer,
}

/// A key of the ring: it wraps data keys.
pub(crate) struct WrappingKey(Sealer);

/// A data key under a wrapping key of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The number of the wrapping key.
    pub wrapping: u64,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// A text that is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoMasterKey {
    /// It is neither hexadecimal nor Base64.
    #[error("a master key is 32 random bytes, as 64 hexadecimal digits or in Base64")]
    Malformed,
    /// Every byte is the same: a placeholder, and never drawn at random.
    #[error("this master key is no random one: all of its bytes are the same")]
    NotRandom,
    /// The library failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl MasterKey {
    /// A new one.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn generate() -> Result<Self, SealError> {
        Self::of(random()?)
    }

    /// The key in a text: 32 bytes, as 64 hexadecimal digits or in Base64; white space around it
    /// does not count.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &[u8]) -> Result<Self, NoMasterKey> {
        let bytes = bytes_of_text(text).ok_or(NoMasterKey::Malformed)?;
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(NoMasterKey::NotRandom);
        }
        Ok(Self::of(bytes)?)
    }

    /// Its name.
    pub const fn id(&self) -> MasterId {
        self.id
    }

    /// The text that [`Self::parse`] reads: hexadecimal, with a line break.
    pub(crate) fn text(&self) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(vec![b'\n'; 2 * KEY_BYTES + 1]);
        let digits = text.split_last_mut().map(|(_, digits)| digits);
        // The slice has the length that hexadecimal digits take.
        let _ = digits.map(|digits| hex::encode_to_slice(*self.bytes, digits));
        text
    }

    /// A new wrapping key, and its bytes as they are to be kept.
    pub(crate) fn new_wrapping(
        &self,
        place: &Place<'_>,
    ) -> Result<(WrappingKey, Vec<u8>), SealError> {
        let bytes = random()?;
        let sealed = self.sealer.seal(place, &*bytes)?;
        Ok((WrappingKey(Sealer::new(&bytes)?), sealed))
    }

    /// The wrapping key in what [`Self::new_wrapping`] gave.
    pub(crate) fn open_wrapping(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<WrappingKey, SealError> {
        let bytes = key_bytes(self.sealer.open(place, sealed)?)?;
        Ok(WrappingKey(Sealer::new(&bytes)?))
    }

    /// A wrapping key that another master key has wrapped, wrapped by this one.
    pub(crate) fn take_over(
        &self,
        from: &Self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let bytes = key_bytes(from.sealer.open(place, sealed)?)?;
        self.sealer.seal(place, &*bytes)
    }

    fn of(bytes: KeyBytes) -> Result<Self, SealError> {
        let mut hash = Sha256::new();
        hash.update(b"payhook master key 1\0");
        hash.update(*bytes);
        let hash = <[u8; 32]>::from(hash.finalize());
        Ok(Self {
            id: MasterId(hash.first_chunk().copied().unwrap_or_default()),
            sealer: Sealer::new(&bytes)?,
            bytes,
        })
    }
}

impl MasterId {
    /// The name in these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl DataKey {
    /// A new one.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn generate() -> Result<Self, SealError> {
        Self::of(random()?)
    }

    /// Seals `plain` for its place.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.sealer.seal(place, plain)
    }

    /// What was sealed for this place.
    ///
    /// # Errors
    /// [`SealError::NotOpened`] for everything else.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.sealer.open(place, sealed)
    }

    fn of(bytes: KeyBytes) -> Result<Self, SealError> {
        Ok(Self {
            sealer: Sealer::new(&bytes)?,
            bytes,
        })
    }
}

impl WrappingKey {
    pub(crate) fn wrap(&self, place: &Place<'_>, key: &DataKey) -> Result<Vec<u8>, SealError> {
        self.0.seal(place, &*key.bytes)
    }

    pub(crate) fn unwrap(&self, place: &Place<'_>, sealed: &[u8]) -> Result<DataKey, SealError> {
        DataKey::of(key_bytes(self.0.open(place, sealed)?)?)
    }
}

/// The 32 bytes in a text: 64 hexadecimal digits, or Base64; white space around it does not count.
pub(crate) fn bytes_of_text(text: &[u8]) -> Option<KeyBytes> {
    let text = text.trim_ascii();
    let mut bytes = KeyBytes::new([0; KEY_BYTES]);
    let is_hex = text.len() == 2 * KEY_BYTES && hex::decode_to_slice(text, &mut *bytes).is_ok();
    if !is_hex {
        // Room for the padding that the decoder may want to count.
        let mut decoded = Zeroizing::new([0; KEY_BYTES + 4]);
        let length = STANDARD.decode_slice(text, &mut *decoded).ok()?;
        let key = decoded.get(..length).filter(|key| key.len() == KEY_BYTES);
        bytes.copy_from_slice(key?);
    }
    Some(bytes)
}

fn random() -> Result<KeyBytes, SealError> {
    let mut bytes = KeyBytes::new([0; KEY_BYTES]);
    rand::fill(&mut *bytes).map_err(|_| SealError::Failed)?;
    Ok(bytes)
}

fn key_bytes(opened: Vec<u8>) -> Result<KeyBytes, SealError> {
    let opened = Zeroizing::new(opened);
    let mut bytes = KeyBytes::new([0; KEY_BYTES]);
    if opened.len() != KEY_BYTES {
        return Err(SealError::NotOpened);
    }
    bytes.copy_from_slice(&opened);
    Ok(bytes)
}

impl fmt::Display for MasterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MasterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterId({self})")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MasterKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WrappingKey")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_read_from_hexadecimal_and_base64_and_from_nothing_else() {
        let bytes: [u8; KEY_BYTES] = std::array::from_fn(|index| index as u8);
        let key = MasterKey::parse(hex::encode(bytes).as_bytes()).unwrap();
        let same = [
            hex::encode_upper(bytes),
            format!("  {}\n", hex::encode(bytes)),
            STANDARD.encode(bytes),
            format!("{}\r\n", STANDARD.encode(bytes)),
        ];
        for text in same {
            assert_eq!(MasterKey::parse(text.as_bytes()).unwrap().id(), key.id());
        }
        assert_eq!(MasterKey::parse(&key.text()).unwrap().id(), key.id());
        let others = [
            String::new(),
            "correct horse battery staple".to_owned(),
            hex::encode(&bytes[..31]),
            STANDARD.encode(&bytes[..31]),
            STANDARD.encode([1; 33]),
            format!("{}00", hex::encode(bytes)),
        ];
        for text in others {
            let refused = MasterKey::parse(text.as_bytes()).unwrap_err();
            assert_eq!(refused, NoMasterKey::Malformed, "{text}");
        }
        let zeros = MasterKey::parse(hex::encode([0; 32]).as_bytes());
        assert_eq!(zeros.unwrap_err(), NoMasterKey::NotRandom);
    }

    #[test]
    fn no_key_is_printed() {
        let bytes: [u8; KEY_BYTES] = std::array::from_fn(|index| index as u8 + 0x61);
        let master = MasterKey::of(KeyBytes::new(bytes)).unwrap();
        let data = DataKey::of(KeyBytes::new(bytes)).unwrap();
        let wrapping = WrappingKey(Sealer::new(&bytes).unwrap());
        let printed = format!("{master:?} {data:?} {wrapping:?} {:#?}", (&master, &data));
        for secret in ["abcdef", "616263", "97, 98", "YWJj"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(printed.contains(&master.id().to_string()));
    }
}
