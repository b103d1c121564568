//! The same luck for the same seed.

/// A small generator (SplitMix64).
pub(crate) struct Luck(u64);

impl Luck {
    /// The luck of this seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The number in a variable of the environment, if it is there.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = std::env::var_os(variable)?;
    Some(text.to_str()?.parse().unwrap())
}

/// The seed in a variable of the environment, or one of this moment.
pub(crate) fn seed(variable: &str) -> u64 {
    number(variable).unwrap_or_else(|| {
        let elapsed = std::time::UNIX_EPOCH.elapsed().unwrap();
        u64::from(elapsed.subsec_nanos())
    })
}
