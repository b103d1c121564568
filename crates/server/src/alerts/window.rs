//! What a counter counted lately.
//!
//! Counters begin at nothing with the process, so a window that reaches back before its start
//! cannot say that all is well: it says that it is not full.

use std::collections::VecDeque;

use domain::time::{Millis, Timestamp};

/// What was counted at some moments, as far back as a window reaches.
#[derive(Debug)]
pub(crate) struct Window<T> {
    span: Millis,
    samples: VecDeque<(Timestamp, T)>,
}

/// Samples that are closer than this part of a window are not all kept: at most twice as many are,
/// however often one looks.
const PARTS: u64 = 240;

impl<T> Window<T> {
    /// A window that reaches back as far as `span`, over counters that stood so at `start`.
    pub(crate) fn new(span: Millis, start: Timestamp, counted: T) -> Self {
        Self {
            span,
            samples: VecDeque::from([(start, counted)]),
        }
    }

    /// Takes in how the counters stand at `now`.
    pub(crate) fn add(&mut self, now: Timestamp, counted: T) {
        let newest = self.samples.back().map(|(at, _)| *at);
        if newest.is_some_and(|newest| now < newest) {
            // The clock was set back: nothing is known of how long ago the others are.
            self.samples.clear();
        }
        // The newest but one stays for as long as the newest is not far enough from it.
        let newest_but_one = self.samples.iter().rev().nth(1).map(|(at, _)| *at);
        let apart = Millis::new(self.span.get() / PARTS);
        if newest_but_one.is_some_and(|at| now.since(at) < apart) {
            self.samples.pop_back();
        }
        self.samples.push_back((now, counted));
        while let Some((second, _)) = self.samples.get(1)
            && now.since(*second) >= self.span
        {
            self.samples.pop_front();
        }
    }

    /// How the counters stood when the window begins, and how they stand.
    pub(crate) fn ends(&self) -> Option<(&T, &T)> {
        let (_, first) = self.samples.front()?;
        let (_, last) = self.samples.back()?;
        Some((first, last))
    }

    /// Whether it reaches back as far as it should.
    pub(crate) fn is_full(&self) -> bool {
        match (self.samples.front(), self.samples.back()) {
            (Some((first, _)), Some((last, _))) => last.since(*first) >= self.span,
            (_, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn a_window_compares_with_what_was_when_it_begins() {
        let mut window = Window::new(Millis::from_secs(60), at(0), 0);
        for (now, counted, expected, is_full) in [
            (10, 1, (0, 1), false),
            (59, 2, (0, 2), false),
            (60, 3, (0, 3), true),
            (70, 4, (1, 4), true),
            (118, 5, (1, 5), true),
            (119, 6, (2, 6), true),
            (500, 7, (6, 7), true),
            // The clock was set back.
            (400, 8, (8, 8), false),
            (460, 9, (8, 9), true),
        ] {
            window.add(at(now), counted);
            let (first, last) = window.ends().unwrap();
            assert_eq!(
                ((*first, *last), window.is_full()),
                (expected, is_full),
                "{now}"
            );
        }
    }

    #[test]
    fn looking_often_takes_no_more_memory_and_forgets_little() {
        let span = Millis::from_secs(240);
        let mut window = Window::new(span, at(0), 0);
        for millis in (0..1_000_000).step_by(100) {
            window.add(Timestamp::from_millis(millis), millis);
        }
        assert!(window.samples.len() <= 483, "{}", window.samples.len());
        let (first, last) = window.ends().unwrap();
        let reach = last - first;
        assert!((240_000..=242_000).contains(&reach), "{reach}");
    }
}
