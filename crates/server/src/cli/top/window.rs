//! How fast events come, from how many there were whenever somebody looked.

use std::collections::VecDeque;
use std::time::Instant;

/// Looks that are remembered: as wide as a wide terminal.
const LOOKS: usize = 240;

/// The last looks.
#[derive(Debug, Default)]
pub(super) struct Window {
    looks: VecDeque<(Instant, u64)>,
}

impl Window {
    /// At `now` there were `events`.
    pub(super) fn add(&mut self, now: Instant, events: u64) {
        if self.looks.len() > LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, events));
    }

    /// Events a second between each two looks, oldest first.
    pub(super) fn rates(&self) -> Vec<u64> {
        let pairs = self.looks.iter().zip(self.looks.iter().skip(1));
        pairs
            .map(|((from, before), (until, after))| {
                let millis = until.duration_since(*from).as_millis().max(1);
                let events = u128::from(after.saturating_sub(*before));
                u64::try_from(events * 1000 / millis).unwrap_or(u64::MAX)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rates_are_between_looks_and_never_negative() {
        let mut window = Window::default();
        let begin = Instant::now();
        assert!(window.rates().is_empty());
        for (second, events) in [(0, 100), (1, 150), (3, 250), (3, 260), (4, 5)] {
            window.add(begin + Duration::from_secs(second), events);
        }
        assert_eq!(window.rates(), [50, 50, 10_000, 0]);
    }

    #[test]
    fn old_looks_are_forgotten() {
        let mut window = Window::default();
        let now = Instant::now();
        (0..1000).for_each(|count| window.add(now, count));
        assert_eq!(window.rates().len(), LOOKS);
    }
}
