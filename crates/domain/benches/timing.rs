//! Whether the time of refusing a signature tells how much of it was right.
//!
//! `cargo bench -p payhook-domain --bench timing [-- SAMPLES]`. As dudect does it: two classes of
//! signatures for the same body, in random order, one wrong from its first byte on and one in its
//! last only; then Welch's t over the times, over all of them and without the slowest, which are the
//! machine's. A |t| above 4.5 at this many samples says that the classes can be told apart; above
//! 10 there is no doubt. The last line is the same measurement of a comparison that stops at the first
//! difference: it shows that what is not there would be seen. Tests assert no times.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::providers::generic::hmac_scheme;
use domain::providers::{Provider, ProviderId, SchemeChanges, Settings};
use domain::secret::Secret;
use domain::source::SourceName;
use domain::time::Timestamp;

const SAMPLES: usize = 400_000;

/// Above it two classes can be told apart.
const T_SUSPICIOUS: f64 = 4.5;

/// The shares of the fastest measurements that are looked at.
const SHARES: [f64; 4] = [1.0, 0.99, 0.9, 0.5];

const SECRET: &[u8] = b"a secret that nobody knows";
const BODY: &[u8] = br#"{"paymentId":"p","amount":1}"#;
const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

fn main() {
    let samples = std::env::args().find_map(|text| text.parse().ok());
    let samples = samples.unwrap_or(SAMPLES);
    let scheme = hmac_scheme(&SchemeChanges::default(), None).unwrap();
    let right = scheme.sign_body(SECRET, BODY);
    let digits = right.len() - 64;
    let wrong = [spoilt(&right, digits), spoilt(&right, right.len() - 1)];
    let provider = Provider::try_new(ProviderId::Generic, Settings::default()).unwrap();
    let secrets = [Secret::new("main", SECRET)];
    // Each is made anew in the same place: where things lie in memory takes time, too.
    let prepare = |class: usize| delivery(&wrong[class]);
    let verify = |delivery: RawDelivery| {
        let verdict = provider.verify(delivery, &secrets);
        assert!(black_box(verdict.is_err()));
    };
    report(
        "verify, hexadecimal HMAC-SHA-256",
        &measure(samples, prepare, verify),
    );

    let prepare = |class: usize| wrong[class].clone().into_bytes();
    let leaky = |token: Vec<u8>| {
        let same = token.iter().zip(right.as_bytes());
        // As memcmp does, but slow enough for every clock.
        black_box(
            same.take_while(|(one, other)| black_box(one == other))
                .count(),
        );
    };
    report(
        "a comparison that leaks, for comparison",
        &measure(samples, prepare, leaky),
    );
}

/// `text` with another digit at `index`, a letter for a letter: what reads digits may take its time
/// by what the sender wrote, which the sender knows.
fn spoilt(text: &str, index: usize) -> String {
    let other = match text.as_bytes()[index] {
        b'0' => "1",
        b'1'..=b'9' => "0",
        b'a' => "b",
        _ => "a",
    };
    let mut text = text.to_owned();
    text.replace_range(index..=index, other);
    text
}

fn delivery(signature: &str) -> RawDelivery {
    let header = (
        "x-webhook-signature",
        Bytes::copy_from_slice(signature.as_bytes()),
    );
    RawDelivery {
        source: SourceName::generic(),
        headers: Headers::new([header]),
        body: Bytes::from_static(BODY),
        received_at: NOW,
    }
}

fn report(what: &str, times: &[(usize, f64)]) {
    let samples = times.len();
    let statistics = SHARES.map(|share| welch(times, share));
    let shown = statistics.map(|t| format!("{t:+.2}")).join(" ");
    let worst = statistics
        .into_iter()
        .fold(0.0, |worst: f64, t| worst.max(t.abs()));
    let verdict = if worst > T_SUSPICIOUS {
        "can be told apart"
    } else {
        "cannot be told apart"
    };
    println!(
        "{what}: {samples} samples, t of the fastest 100, 99, 90 and 50 %: {shown}: {verdict}"
    );
}

/// The time of each run in nanoseconds, with its class.
fn measure<T>(samples: usize, prepare: impl Fn(usize) -> T, work: impl Fn(T)) -> Vec<(usize, f64)> {
    // A small generator (xorshift): the order must have no pattern that a cache could learn.
    let mut luck = 0x9E37_79B9_7F4A_7C15_u64;
    let mut times = Vec::with_capacity(samples);
    for _ in 0..samples {
        luck ^= luck << 13;
        luck ^= luck >> 7;
        luck ^= luck << 17;
        let class = usize::from(luck >> 63 == 1);
        let prepared = black_box(prepare(class));
        let began = Instant::now();
        work(prepared);
        times.push((class, began.elapsed().as_nanos() as f64));
    }
    // The first ones warm caches and clocks.
    times.split_off(samples / 20)
}

/// Welch's t of the two classes, of so much of the fastest measurements.
fn welch(times: &[(usize, f64)], share: f64) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let last = ((sorted.len() as f64 * share) as usize).clamp(1, sorted.len()) - 1;
    let bound = sorted[last];
    let moments = [0, 1].map(|class| {
        let of_class = || {
            let chosen = times
                .iter()
                .filter(|(one, time)| *one == class && *time <= bound);
            chosen.map(|(_, time)| *time)
        };
        let count = of_class().count().max(2) as f64;
        let mean = of_class().sum::<f64>() / count;
        let variance = of_class().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    let [(one, one_error), (other, other_error)] = moments;
    let error = (one_error + other_error).sqrt();
    if error > 0.0 {
        (one - other) / error
    } else {
        0.0
    }
}
