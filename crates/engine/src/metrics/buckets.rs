//! What a histogram holds, as numbers: for rules that ask how slow the slowest were lately.

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// How many observations were at most each bound, in the order of the bounds; the last bound is
/// infinite.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buckets(Vec<(f64, u64)>);

impl Buckets {
    /// What this histogram holds now.
    pub fn of(histogram: &Histogram) -> Self {
        // The library shows a histogram to nobody but its own encoder.
        let mut registry = Registry::default();
        registry.register("h", "h", histogram.clone());
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix("h_bucket{le=\"")?.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.parse().ok()?))
        };
        Self(text.lines().filter_map(bucket).collect())
    }

    /// What has been observed since `earlier`, which is what the same histogram held then.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |bound: f64| {
            let found = earlier.0.iter().find(|(each, _)| *each == bound);
            found.map_or(0, |(_, count)| *count)
        };
        let lately = self.0.iter().map(|(bound, count)| {
            let lately = count.saturating_sub(before(*bound));
            (*bound, lately)
        });
        Self(lately.collect())
    }

    /// How many observations there are.
    pub fn count(&self) -> u64 {
        self.0.last().map_or(0, |(_, count)| *count)
    }

    /// The value that `percent` of a hundred observations do not pass, as far as the bounds tell:
    /// in between two of them by their share, and the last finite one at most. `None` without any
    /// observation.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if self.count() == 0 {
            return None;
        }
        let rank = percent / 100.0 * count(self.count());
        let mut below = (0.0, 0);
        for (bound, at_most) in &self.0 {
            if count(*at_most) >= rank {
                if bound.is_infinite() {
                    return Some(below.0);
                }
                let inside = count(at_most.saturating_sub(below.1));
                let share = if inside > 0.0 {
                    (rank - count(below.1)) / inside
                } else {
                    1.0
                };
                return Some(below.0 + (bound - below.0) * share);
            }
            below = (*bound, *at_most);
        }
        Some(below.0)
    }
}

/// A count as a number to reckon with; exact for as many as there will ever be of anything.
#[expect(
    clippy::cast_precision_loss,
    reason = "a share of 2⁵³ observations is near enough"
)]
fn count(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_came_since() {
        let histogram = Histogram::new([0.1, 1.0, 10.0]);
        let none = Buckets::of(&histogram);
        assert_eq!((none.count(), none.percentile(99.0)), (0, None));
        for _ in 0..100 {
            histogram.observe(5.0);
        }
        let before = Buckets::of(&histogram);
        for (value, times) in [(0.05, 90), (0.5, 8), (100.0, 2)] {
            for _ in 0..times {
                histogram.observe(value);
            }
        }
        let lately = Buckets::of(&histogram).since(&before);
        assert_eq!(lately.count(), 100);
        for (percent, expected) in [(45.0, 0.05), (90.0, 0.1), (94.0, 0.55), (98.0, 1.0)] {
            let found = lately.percentile(percent).unwrap();
            assert!((found - expected).abs() < 1e-9, "{percent}: {found}");
        }
        // Longer than the last bound is all that is known of them.
        assert_eq!(lately.percentile(99.0), Some(10.0));
        assert_eq!(Buckets::of(&histogram).since(&none).count(), 200);
    }
}
