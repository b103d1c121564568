//! The results as people read them. The table is made from docs/benchmarks.json and nothing
//! else, so that it can be written anew, and a test can tell when it was edited by hand.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::generated;
use crate::root::{root, stdout_of};

/// The figures as they were measured last.
const FIGURES: &str = "docs/benchmarks.json";

/// The document with the table made from them.
pub(crate) const DOCUMENT: &str = "docs/benchmarks.md";

/// Where and when a run was made; an unknown is `null`.
pub(super) fn machine(seconds: u64) -> Value {
    let of = |program: &str, arguments: &[&str]| {
        let text = stdout_of(Command::new(program).args(arguments).current_dir(root())).ok()?;
        Some(text.trim().to_owned())
    };
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "date": of("date", &["-u", "+%Y-%m-%d"]),
        "commit": of("git", &["rev-parse", "--short", "HEAD"]),
        "kernel": of("uname", &["-sr"]),
        "cores": std::thread::available_parallelism().ok().map(usize::from),
        "processor": model.map(|(_, name)| name),
        "seconds_per_load": seconds,
    })
}

/// Writes the figures and the table down.
pub(super) fn write(results: &Value) -> Result<()> {
    fs::write(root().join(FIGURES), format!("{results:#}\n")).context(FIGURES)?;
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).context(DOCUMENT)?;
    let fresh = generated::replaced(&document, "benchmarks", &markdown(results)?)?;
    fs::write(&path, fresh).context(DOCUMENT)?;
    println!("wrote {FIGURES} and {DOCUMENT}");
    Ok(())
}

/// The table, from the figures that are kept.
pub(crate) fn kept_table() -> Result<String> {
    let path = root().join(FIGURES);
    if !path.exists() {
        return Ok("Nothing was measured yet.".to_owned());
    }
    let figures = fs::read_to_string(path).context(FIGURES)?;
    markdown(&serde_json::from_str(&figures).context(FIGURES)?)
}

/// The results as Markdown.
pub(super) fn markdown(results: &Value) -> Result<String> {
    let mut text = String::new();
    let machine = &results["machine"];
    let word = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    writeln!(
        text,
        "{}, commit {}, {} cores of {}, {}; the generator on the same cores, {} s a load.\n",
        word("date"),
        word("commit"),
        machine["cores"],
        word("processor"),
        word("kernel"),
        machine["seconds_per_load"]
    )?;
    writeln!(
        text,
        "| measured | per second | p50 ms | p90 | p99 | p99.9 | max |"
    )?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|--:|")?;
    let none = Value::Null;
    let disk = results.get("disk").unwrap_or(&none);
    row(&mut text, "4 KiB overwrite + fdatasync", None, disk)?;
    for (name, at) in LOADS {
        let load = results.pointer(at).unwrap_or(&none);
        row(
            &mut text,
            name,
            load["per_second"].as_f64(),
            &load["latency_ms"],
        )?;
    }
    let settled = results
        .pointer("/open/webhook_to_settled/latency_ms")
        .unwrap_or(&none);
    row(&mut text, "webhook to settled at 1,000/s", None, settled)?;
    writeln!(text, "\n| measured | figure | goal | |\n|---|--:|--:|---|")?;
    for goal in goals(results) {
        goal.row(&mut text)?;
    }
    let failures = results["not_measured"].as_object();
    for (name, reason) in failures.into_iter().flatten() {
        let reason = reason.as_str().unwrap_or_default().replace('\n', " ");
        writeln!(text, "\nNot measured: `{name}`: {reason}")?;
    }
    Ok(text)
}

const LOADS: &[(&str, &str)] = &[
    ("no store (the ceiling), 64 connections", "/ceiling"),
    ("durable accepts, 1 connection", "/accept/1"),
    ("durable accepts, 64 connections", "/accept/64"),
    ("durable accepts, 256 connections", "/accept/256"),
    ("1,000 webhooks/s, open loop", "/open"),
];

fn row(text: &mut String, name: &str, rate: Option<f64>, latency: &Value) -> Result<()> {
    if latency.is_null() {
        return Ok(());
    }
    write!(
        text,
        "| {name} | {} |",
        rate.map_or(String::new(), |rate| format!("{rate:.0}"))
    )?;
    for quantile in ["p50", "p90", "p99", "p99_9", "max"] {
        write!(
            text,
            " {:.2} |",
            latency[quantile].as_f64().unwrap_or_default()
        )?;
    }
    writeln!(text)?;
    Ok(())
}

/// A figure and what it is held to.
#[derive(Debug)]
struct Goal {
    name: String,
    figure: Option<f64>,
    bound: Bound,
}

/// What makes a figure good.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Goal {
    fn row(&self, text: &mut String) -> Result<()> {
        let Some(figure) = self.figure else {
            return Ok(());
        };
        let (goal, verdict) = match self.bound {
            Bound::AtLeast(bound) => (format!("≥ {}", short(bound)), figure >= bound),
            Bound::AtMost(bound) => (format!("≤ {}", short(bound)), figure <= bound),
            Bound::None => (String::new(), true),
        };
        let verdict = match (self.bound, verdict) {
            (Bound::None, _) => "",
            (_, true) => "met",
            (_, false) => "**missed**",
        };
        writeln!(
            text,
            "| {} | {} | {goal} | {verdict} |",
            self.name,
            short(figure)
        )?;
        Ok(())
    }
}

fn short(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}

fn goals(results: &Value) -> Vec<Goal> {
    let at = |path: &str| results.pointer(path).and_then(Value::as_f64);
    let ratio = |over: Option<f64>, under: Option<f64>| Some(over? / under?);
    let ceiling = at("/ceiling/per_second");
    let ack_max = at("/disk/p50").map_or(Bound::None, |sync| Bound::AtMost(5.0 + 2.0 * sync));
    let settled = |level: u32| settled_with(results, level);
    let goal = |name: &str, figure, bound| Goal {
        name: name.to_owned(),
        figure,
        bound,
    };
    let mut goals = vec![
        goal(
            "durable accepts at 64 connections, of the ceiling",
            ratio(at("/accept/64/per_second"), ceiling),
            Bound::AtLeast(0.45),
        ),
        goal(
            "whole life, events settled a second",
            at("/life/settled_per_second"),
            Bound::None,
        ),
        goal(
            "whole life, of the ceiling",
            ratio(at("/life/settled_per_second"), ceiling),
            Bound::AtLeast(0.25),
        ),
        goal(
            "ack p99 at 1,000/s, ms (5 ms + 2 fsyncs)",
            at("/open/latency_ms/p99"),
            ack_max,
        ),
        goal(
            "memory when idle, MB",
            at("/life/resident_mb_idle"),
            Bound::AtMost(25.0),
        ),
        goal(
            "memory after the load, MB",
            at("/life/resident_mb_after_load"),
            Bound::None,
        ),
        goal(
            "server CPU for a whole life, µs",
            at("/life/server_cpu_us_per_event"),
            Bound::None,
        ),
        goal(
            "disk for a settled event, bytes",
            at("/life/disk_bytes_per_settled_event"),
            Bound::None,
        ),
        goal(
            "ready with all events stored, ms",
            at("/stored/ready_after_ms"),
            Bound::AtMost(200.0),
        ),
        goal("events stored then", at("/stored/events"), Bound::None),
        goal(
            "whole life with 1 M stored, of that with 10 k",
            ratio(settled(1_000_000), settled(10_000)),
            Bound::AtLeast(0.8),
        ),
    ];
    let level = |(level, words)| Goal {
        name: format!("whole life with {words} stored, events a second"),
        figure: settled(level),
        bound: Bound::None,
    };
    goals.extend([(10_000, "10 k"), (100_000, "100 k"), (1_000_000, "1 M")].map(level));
    goals
}

fn settled_with(results: &Value, level: u32) -> Option<f64> {
    results
        .pointer(&format!("/stored/levels/{level}/settled_per_second"))?
        .as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_held_against_their_bounds() {
        let results = json!({
            "machine": {"date": "2026-01-01", "cores": 2},
            "disk": {"p50": 1.0, "p90": 1.0, "p99": 2.0, "p99_9": 2.0, "max": 3.0},
            "ceiling": {"per_second": 1000.0, "latency_ms": {"p50": 1.0}},
            "accept": {"64": {"per_second": 449.0, "latency_ms": {"p50": 1.0}}},
            "open": {"per_second": 1000.0, "latency_ms": {"p99": 7.0}},
            "life": {"settled_per_second": 250.0},
            "not_measured": {"stored": "the server\nended"}});
        let text = markdown(&results).unwrap();
        for expected in [
            "| 4 KiB overwrite + fdatasync |  | 1.00 | 1.00 | 2.00 | 2.00 | 3.00 |",
            "| durable accepts at 64 connections, of the ceiling | 0.45 | ≥ 0.45 | **missed** |",
            "| whole life, of the ceiling | 0.25 | ≥ 0.25 | met |",
            "| ack p99 at 1,000/s, ms (5 ms + 2 fsyncs) | 7.00 | ≤ 7.00 | met |",
            "Not measured: `stored`: the server ended",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
        assert!(
            !text.contains("idle"),
            "what was not measured has no row:\n{text}"
        );
    }
}
