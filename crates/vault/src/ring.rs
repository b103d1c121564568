//! The wrapping keys of a store. New data keys are wrapped by the newest; older ones stay in the
//! ring for what they have wrapped, until that is wrapped anew and they can be destroyed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::SealError;
use crate::key::{DataKey, MasterId, MasterKey, WrappedKey, WrappingKey};
use crate::place::{Place, Row};

/// The master keys that are at hand: the one that wraps, and earlier ones that only open.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    current: Arc<MasterKey>,
    previous: Vec<Arc<MasterKey>>,
}

/// A wrapping key as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWrapping {
    /// Its number: never used again.
    pub id: u64,
    /// The master key that it is wrapped by.
    pub master: MasterId,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// The wrapping keys, opened.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: BTreeMap<u64, Arc<WrappingKey>>,
}

/// A new wrapping key on its way into a ring.
#[derive(Debug)]
pub struct NewWrapping {
    key: WrappingKey,
    /// As it is to be kept.
    pub kept: KeptWrapping,
}

impl MasterKeys {
    /// One key to wrap with, and those that were used before.
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self {
            current: Arc::new(current),
            previous: previous.into_iter().map(Arc::new).collect(),
        }
    }

    /// These keys, and one more that was used before.
    #[must_use]
    pub fn with_previous(mut self, key: MasterKey) -> Self {
        self.previous.push(Arc::new(key));
        self
    }

    /// The name of the one that wraps.
    pub fn current(&self) -> MasterId {
        self.current.id()
    }

    /// The names of all.
    pub fn ids(&self) -> Vec<MasterId> {
        self.all().map(|key| key.id()).collect()
    }

    /// Whether one of these names is at hand.
    pub fn has(&self, id: MasterId) -> bool {
        self.find(id).is_some()
    }

    /// A new wrapping key of this number.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn new_wrapping(&self, id: u64) -> Result<NewWrapping, SealError> {
        let (key, bytes) = self.current.new_wrapping(&wrapping_place(id))?;
        let master = self.current.id();
        let kept = KeptWrapping { id, master, bytes };
        Ok(NewWrapping { key, kept })
    }

    /// The same wrapping key, wrapped by the current master key; `None` when it is so already.
    ///
    /// # Errors
    /// Its master key is not at hand, or it was altered.
    pub fn take_over(&self, kept: &KeptWrapping) -> Result<Option<KeptWrapping>, SealError> {
        if kept.master == self.current.id() {
            return Ok(None);
        }
        let from = self.find(kept.master).ok_or(SealError::NotOpened)?;
        let bytes = self
            .current
            .take_over(from, &wrapping_place(kept.id), &kept.bytes)?;
        Ok(Some(KeptWrapping {
            master: self.current.id(),
            bytes,
            ..*kept
        }))
    }

    fn find(&self, id: MasterId) -> Option<&MasterKey> {
        self.all().find(|key| key.id() == id)
    }

    fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&*self.current).chain(self.previous.iter().map(|key| &**key))
    }
}

impl Keyring {
    /// Opens the wrapping keys of a store.
    ///
    /// # Errors
    /// A master key is not at hand, or a wrapping key was altered.
    pub fn open(kept: &[KeptWrapping], masters: &MasterKeys) -> Result<Self, SealError> {
        let mut ring = Self::default();
        for each in kept {
            let master = masters.find(each.master).ok_or(SealError::NotOpened)?;
            let key = master.open_wrapping(&wrapping_place(each.id), &each.bytes)?;
            ring.keys.insert(each.id, Arc::new(key));
        }
        Ok(ring)
    }

    /// Adds a key, which is the newest from now on.
    pub fn add(&mut self, new: NewWrapping) {
        self.keys.insert(new.kept.id, Arc::new(new.key));
    }

    /// Takes out a key that wraps nothing any more.
    pub fn remove(&mut self, id: u64) {
        self.keys.remove(&id);
    }

    /// The number of the newest key; 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.keys.last_key_value().map_or(0, |(id, _)| *id)
    }

    /// The numbers of all keys, oldest first.
    pub fn ids(&self) -> Vec<u64> {
        self.keys.keys().copied().collect()
    }

    /// Wraps a data key with the newest key, for the place where it will stand.
    ///
    /// # Errors
    /// There is no key, or the system gives no randomness.
    pub fn wrap(&self, place: &Place<'_>, key: &DataKey) -> Result<WrappedKey, SealError> {
        let newest = self.keys.last_key_value();
        let (id, wrapping) = newest.ok_or(SealError::NoSuchWrapping { wrapping: 0 })?;
        Ok(WrappedKey {
            wrapping: *id,
            bytes: wrapping.wrap(place, key)?,
        })
    }

    /// The data key that was wrapped for this place.
    ///
    /// # Errors
    /// Its wrapping key is not in the ring, or it is not of this place, or was altered.
    pub fn unwrap(&self, place: &Place<'_>, wrapped: &WrappedKey) -> Result<DataKey, SealError> {
        let wrapping = wrapped.wrapping;
        let key = self.keys.get(&wrapping);
        let key = key.ok_or(SealError::NoSuchWrapping { wrapping })?;
        key.unwrap(place, &wrapped.bytes)
    }
}

fn wrapping_place(id: u64) -> Place<'static> {
    Place {
        table: "keyring",
        column: "wrapped",
        row: Row::Number(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_OF_1: Place<'static> = Place {
        table: "data_keys",
        column: "wrapped",
        row: Row::Number(1),
    };
    const KEY_OF_2: Place<'static> = Place {
        row: Row::Number(2),
        ..KEY_OF_1
    };
    const BODY: Place<'static> = Place {
        table: "deliveries",
        column: "body",
        row: Row::OfKey,
    };

    fn masters() -> MasterKeys {
        MasterKeys::new(MasterKey::generate().unwrap(), Vec::new())
    }

    #[test]
    fn a_wrapped_key_opens_for_its_row_and_for_no_other() {
        let mut ring = Keyring::default();
        let masters = masters();
        ring.add(masters.new_wrapping(1).unwrap());
        let key = DataKey::generate().unwrap();
        let sealed = key.seal(&BODY, b"{}").unwrap();
        let wrapped = ring.wrap(&KEY_OF_1, &key).unwrap();
        let again = ring.unwrap(&KEY_OF_1, &wrapped).unwrap();
        assert_eq!(again.open(&BODY, &sealed).unwrap(), b"{}");
        let moved = ring.unwrap(&KEY_OF_2, &wrapped).map(|_| ());
        assert_eq!(moved, Err(SealError::NotOpened));
        let other = DataKey::generate().unwrap();
        assert_eq!(other.open(&BODY, &sealed), Err(SealError::NotOpened));
    }

    #[test]
    fn an_older_key_opens_what_it_has_wrapped_until_it_is_taken_out() {
        let (mut ring, masters) = (Keyring::default(), masters());
        ring.add(masters.new_wrapping(1).unwrap());
        let key = DataKey::generate().unwrap();
        let old = ring.wrap(&KEY_OF_1, &key).unwrap();
        ring.add(masters.new_wrapping(2).unwrap());
        assert_eq!((ring.newest(), old.wrapping), (2, 1));
        let new = ring.wrap(&KEY_OF_1, &ring.unwrap(&KEY_OF_1, &old).unwrap());
        assert_eq!(new.unwrap().wrapping, 2);
        ring.remove(1);
        let gone = ring.unwrap(&KEY_OF_1, &old).map(|_| ());
        assert_eq!(gone, Err(SealError::NoSuchWrapping { wrapping: 1 }));
    }

    #[test]
    fn a_ring_opens_with_its_master_key_and_is_taken_over_by_the_next() {
        let first = masters();
        let kept = first.new_wrapping(1).unwrap().kept;
        let next = masters();
        let opened = Keyring::open(std::slice::from_ref(&kept), &next).map(|_| ());
        assert_eq!(opened, Err(SealError::NotOpened));
        let opened = Keyring::open(std::slice::from_ref(&kept), &first);
        assert_eq!(opened.unwrap().ids(), [1]);
        assert_eq!(first.take_over(&kept), Ok(None));
        assert_eq!(next.take_over(&kept), Err(SealError::NotOpened));
        let both = MasterKeys {
            current: Arc::clone(&next.current),
            previous: vec![Arc::clone(&first.current)],
        };
        let taken = both.take_over(&kept).unwrap().unwrap();
        assert_eq!(taken.master, next.current());
        // The old master key is no longer needed, and the wrapping key is the same.
        let ring = Keyring::open(&[taken], &next).unwrap();
        let key = DataKey::generate().unwrap();
        let wrapped = Keyring::open(&[kept], &first)
            .unwrap()
            .wrap(&KEY_OF_1, &key);
        assert!(ring.unwrap(&KEY_OF_1, &wrapped.unwrap()).is_ok());
    }
}
