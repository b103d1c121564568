//! Whether any provider's verifier or reader takes the square of what it is sent: each is given
//! the same nuisance in one size and in eight times that size, and the times are compared.
//!
//! `cargo bench -p payhook-domain --bench adversarial`. Linear is 8, the square is 64; above 24
//! something is wrong. Times below two milliseconds are noise and are not compared. Tests assert
//! no times: what keeps these linear is tested in `tests/quadratic.rs`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::limits;
use domain::providers::ProviderId;
use serde_json::Value;

mod common;

use common::{Setup, setups};

/// How often the larger size is the smaller one.
const FACTOR: usize = 8;

/// The largest ratio of the times that is still linear, with what caches and allocators add.
const RATIO_MAX: f64 = 24.0;

/// Less than this is noise.
const COMPARED_MIN: Duration = Duration::from_millis(2);

/// A nuisance of about so many bytes; `None` where it makes no sense for the provider.
type Nuisance = fn(&Setup, usize) -> Option<RawDelivery>;

const NUISANCES: [(&str, Nuisance); 11] = [
    ("open brackets", |setup, size| {
        whole(setup, &"[".repeat(size))
    }),
    ("open objects", |setup, size| {
        whole(setup, &"{\"a\":".repeat(size / 5))
    }),
    ("deep and closed", deep),
    ("many members", |setup, size| in_json(setup, size, members)),
    ("many items", |setup, size| in_json(setup, size, items)),
    ("many empty items", |setup, size| {
        in_json(setup, size, empty_items)
    }),
    ("backslashes", |setup, size| {
        in_json(setup, size, backslashes)
    }),
    ("form of pairs", |setup, size| {
        whole(setup, &"a=%61&".repeat(size / 6))
    }),
    ("XML", xml),
    ("signature pairs", pairs),
    ("many headers", many_headers),
];

fn main() {
    let mut worst: Vec<(f64, String)> = Vec::new();
    for setup in setups() {
        for (name, nuisance) in NUISANCES {
            let largest = if matches!(name, "signature pairs" | "many headers") {
                limits::HEADER_BYTES_MAX
            } else {
                limits::BODY_BYTES_CEILING
            };
            let (Some(small), Some(large)) = (
                nuisance(&setup, largest / FACTOR),
                nuisance(&setup, largest),
            ) else {
                continue;
            };
            let (small, large) = (cost(&setup, &small), cost(&setup, &large));
            if large < COMPARED_MIN {
                continue;
            }
            let ratio = large.as_secs_f64() / small.as_secs_f64();
            let (small, large) = (small.as_secs_f64() * 1e3, large.as_secs_f64() * 1e3);
            let line = format!(
                "{:<26}| {name:<17}| {small:>9.3} ms | {large:>9.3} ms | {ratio:>5.1}",
                setup.name
            );
            println!("{line}");
            worst.push((ratio, line));
        }
    }
    worst.retain(|(ratio, _)| *ratio > RATIO_MAX);
    println!("{} above {RATIO_MAX}:", worst.len());
    for (_, line) in worst {
        println!("{line}");
    }
}

/// The time to verify and to read it.
fn cost(setup: &Setup, delivery: &RawDelivery) -> Duration {
    least(3, || {
        let verdict = setup.provider.verify(delivery.clone(), &setup.trusted);
        let _ = black_box(verdict.is_ok());
        let _ = black_box(setup.provider.read_fetched(delivery));
    })
}

/// The least time that the work took, of so many runs.
fn least(runs: u32, mut work: impl FnMut()) -> Duration {
    (0..runs)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .min()
        .unwrap_or_default()
}

/// The text as the whole body.
fn whole(setup: &Setup, text: &str) -> Option<RawDelivery> {
    let mut draft = setup.sample().draft;
    draft.body = Bytes::copy_from_slice(text.as_bytes());
    Some(setup.delivery(&draft))
}

/// Lists in lists as deep as they go, in a member that nobody reads, beside those that are read.
fn deep(setup: &Setup, size: usize) -> Option<RawDelivery> {
    let body = String::from_utf8(setup.sample().draft.body.to_vec()).ok()?;
    let rest = body.strip_prefix('{')?;
    let depth = size / 2;
    let text = format!(
        "{{\"deep\":{}{},{rest}",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    whole(setup, &text)
}

/// The sample's body with `grow` at work in each of its values, each with its share of the bytes.
fn in_json(setup: &Setup, size: usize, grow: fn(&mut Value, usize)) -> Option<RawDelivery> {
    let mut body: Value = serde_json::from_slice(&setup.sample().draft.body).ok()?;
    let places = count(&body).max(1);
    everywhere(&mut body, size / places, grow);
    whole(setup, &body.to_string())
}

fn count(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    inner + 1
}

fn everywhere(value: &mut Value, size: usize, grow: fn(&mut Value, usize)) {
    match value {
        Value::Array(items) => {
            for item in items {
                everywhere(item, size, grow);
            }
        }
        Value::Object(members) => {
            for member in members.values_mut() {
                everywhere(member, size, grow);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    grow(value, size);
}

fn members(value: &mut Value, size: usize) {
    if let Value::Object(members) = value {
        for index in 0..size / 12 {
            members.insert(format!("m{index}"), Value::from(index));
        }
    }
}

fn items(value: &mut Value, size: usize) {
    if let Value::Array(items) = value
        && let Some(first) = items.first().cloned()
    {
        let each = first.to_string().len();
        // A sample has one list or none, so that it may have all of the bytes.
        items.extend(std::iter::repeat_n(first, size * 16 / each));
    }
}

fn empty_items(value: &mut Value, size: usize) {
    if let Value::Array(items) = value {
        let empty = Value::Object(serde_json::Map::new());
        items.extend(std::iter::repeat_n(empty, size * 4));
    }
}

fn backslashes(value: &mut Value, size: usize) {
    if let Value::String(text) = value {
        text.push_str(&"\\".repeat(size / 2));
    }
}

/// Elements in elements and beside elements, comments, and a quote that is never closed.
fn xml(setup: &Setup, size: usize) -> Option<RawDelivery> {
    if setup.provider.id() != ProviderId::Braintree {
        return None;
    }
    // Base64 makes four bytes of three.
    let each = size / 32;
    let text = format!(
        "<notification><kind>transaction_settled</kind><subject><transaction>{}{}{}{}</transaction></subject></notification><x y='",
        "<a/>".repeat(each),
        "<!---->".repeat(each),
        "<b>".repeat(each),
        "</b>".repeat(each),
    );
    whole(setup, &text)
}

/// The header of the signature, full of what could be one.
fn pairs(setup: &Setup, size: usize) -> Option<RawDelivery> {
    let name = setup.provider.scheme().signature_header()?;
    let pair = format!("v1={0},t=1,v1,{0} h1={0};1/SHA256/{0},", "00".repeat(32));
    let value = pair.repeat(size / pair.len() + 1);
    // Above the limit of one header, whatever does not stop there shows.
    let genuine = setup.delivery(&setup.sample().draft);
    let headers = genuine.headers.iter().map(|(each, old)| {
        let new = if each == name { value.as_bytes() } else { old };
        (each.to_owned(), Bytes::copy_from_slice(new))
    });
    Some(RawDelivery {
        headers: Headers::new(headers),
        ..genuine
    })
}

/// Headers by the thousand, and a query of as many parameters.
fn many_headers(setup: &Setup, size: usize) -> Option<RawDelivery> {
    let genuine = setup.delivery(&setup.sample().draft);
    let own = genuine
        .headers
        .iter()
        .filter(|(name, _)| *name != QUERY)
        .map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)));
    let more = (0..size / 16).map(|index| (format!("x-{index}"), Bytes::from_static(b"1")));
    let query = Bytes::from("a=1&".repeat(size / 8));
    let headers: Vec<(String, Bytes)> =
        more.chain(own).chain([(QUERY.to_owned(), query)]).collect();
    Some(RawDelivery {
        headers: Headers::new(headers),
        ..genuine
    })
}
