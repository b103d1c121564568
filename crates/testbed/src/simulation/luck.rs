//! Luck that follows from the seed: one stream for each who asks, so that what one draws does
//! not move what another gets.

use std::sync::Mutex;

use engine::clock::Luck;
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A stream of luck.
#[derive(Debug)]
pub struct SeededLuck(Mutex<ChaCha8Rng>);

impl SeededLuck {
    /// The stream number `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(Mutex::new(rng))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.with(|rng| rng.random_range(0..end))
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        self.with(|rng| rng.random_range(low..=high))
    }

    /// Whether it happens, `times` in `of`.
    pub fn chance(&self, times: u32, of: u32) -> bool {
        self.with(|rng| rng.random_ratio(times, of))
    }

    /// One of several.
    pub fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// A place in a list of this length, which is not 0.
    pub fn index(&self, len: usize) -> usize {
        self.with(|rng| rng.random_range(0..len))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut ChaCha8Rng) -> T) -> T {
        draw(&mut self.0.lock().expect("nobody panics in here"))
    }
}

impl Luck for SeededLuck {
    fn next_u64(&self) -> u64 {
        self.with(ChaCha8Rng::next_u64)
    }
}
