//! Randomness that can be repeated: everything comes from the moment's seed.

use std::cell::Cell;

/// A stream of numbers made from one seed (splitmix64). Not for secrets.
#[derive(Debug)]
pub(crate) struct Luck {
    state: Cell<u64>,
}

impl Luck {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: Cell::new(seed),
        }
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..=max`.
    pub(crate) fn up_to(&self, max: u64) -> u64 {
        match max.checked_add(1) {
            Some(count) => self.next() % count,
            None => self.next(),
        }
    }

    /// A number from 0 to below 1.
    pub(crate) fn fraction(&self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "53 bits are what a double holds exactly"
        )]
        let numerator = (self.next() >> 11) as f64;
        numerator / (1u64 << 53) as f64
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&self) -> String {
        let high = (self.next() & 0xffff_ffff_ffff_0fff) | 0x4000;
        let low = (self.next() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// An opaque task token.
    pub(crate) fn token(&self) -> String {
        format!(
            "{:016x}{:016x}{:016x}",
            self.next(),
            self.next(),
            self.next()
        )
    }
}
