//! The rules and the dashboard under `deploy/` ask for metrics and labels that there are: both are
//! read as their readers do, and held against the real exposition.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::metrics::{
    AnomalyLabels, AttemptLabels, EndLabels, FetchLabels, LoopLabel, Metrics, RefusalLabels,
    RuleLabel, SecretLabels, SourceLabel, StateLabel, TargetLabels,
};
use engine::store::Counts;
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

const RULES: &str = include_str!("../../../deploy/prometheus/payhook.rules.yml");

const DASHBOARD: &str = include_str!("../../../deploy/grafana/payhook.json");

/// The samples that there are, with their labels.
type Samples = BTreeMap<String, BTreeSet<String>>;

/// What a process says that has counted everything once: a family is not shown before.
fn exposition() -> String {
    let metrics = Metrics::default();
    let source = SourceLabel { source: x() };
    let by_source = [
        &metrics.accepted,
        &metrics.duplicates,
        &metrics.conflicts,
        &metrics.reconcile_gaps,
    ];
    for family in by_source {
        family.get_or_create(&source).inc();
    }
    let (source, reason) = (x(), x());
    let refusal = RefusalLabels { source, reason };
    for family in [&metrics.refused, &metrics.quarantined] {
        family.get_or_create(&refusal).inc();
    }
    let (source, secret) = (x(), x());
    let secret = SecretLabels { source, secret };
    metrics.secret_used.get_or_create(&secret).inc();
    metrics.old_secret_last_used.get_or_create(&secret).set(1);
    let (source, anomaly) = (x(), x());
    let anomaly = AnomalyLabels { source, anomaly };
    metrics.anomalies.get_or_create(&anomaly).inc();
    let (source, result) = (x(), x());
    let fetch = FetchLabels { source, result };
    metrics.truth_fetches.get_or_create(&fetch).inc();
    count_work(&metrics);
    metrics.exposition(Counts::default())
}

fn count_work(metrics: &Metrics) {
    let (state, result) = (x(), x());
    let attempt = AttemptLabels { state, result };
    metrics.attempts.get_or_create(&attempt).inc();
    let state = StateLabel { state: x() };
    metrics.retries.get_or_create(&state).inc();
    let (status, change) = (x(), x());
    let end = EndLabels { status, change };
    metrics.executions_ended.get_or_create(&end).inc();
    let name = LoopLabel { name: x() };
    metrics.panics.get_or_create(&name).inc();
    let rule = RuleLabel { rule: x() };
    metrics.alerts_firing.get_or_create(&rule).set(1);
    let (target, result) = (x(), x());
    let target = TargetLabels { target, result };
    metrics.alert_messages.get_or_create(&target).inc();
    metrics.ack_seconds.observe(1.0);
    metrics.attempt_seconds.observe(1.0);
    metrics.observe_commit(Duration::from_secs(1), Duration::from_secs(1), 1);
}

/// Some value of a label.
fn x() -> String {
    "x".to_owned()
}

/// The samples of an exposition.
fn samples(exposition: &str) -> Samples {
    let mut samples = Samples::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.split_once(' ').unwrap();
        let (name, labels) = name.split_once('{').unwrap_or((name, ""));
        let labels = labels.trim_end_matches('}').split(',');
        let labels = labels.filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        let known = samples.entry(name.to_owned()).or_default();
        known.extend(labels);
        // What a scrape adds.
        known.extend(["instance".to_owned(), "job".to_owned()]);
    }
    samples
}

/// What a PromQL expression asks for that there is not.
fn missing(expression: &str, samples: &Samples) -> Vec<String> {
    let mut missing = Vec::new();
    let mut asked = BTreeSet::new();
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    for (at, _) in expression.match_indices("payhook_") {
        if expression[..at].ends_with(is_word) {
            continue;
        }
        let rest = &expression[at..];
        let end = rest.find(|character| !is_word(character));
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let Some(labels) = samples.get(name) else {
            missing.push(name.to_owned());
            continue;
        };
        asked.extend(labels.clone());
        let unknown = selected(rest).into_iter();
        let unknown = unknown.filter(|label| !labels.contains(label));
        missing.extend(unknown.map(|label| format!("{name}{{{label}}}")));
    }
    for (at, by) in expression.match_indices("by (") {
        let names = &expression[at + by.len()..];
        let names = names.split(')').next().unwrap().split(',');
        let names = names.map(str::trim).filter(|name| !asked.contains(*name));
        missing.extend(names.map(|name| format!("by ({name})")));
    }
    missing
}

/// The labels of the selector that `rest` begins with.
fn selected(rest: &str) -> Vec<String> {
    let Some(selector) = rest.strip_prefix('{') else {
        return Vec::new();
    };
    // No value of ours holds a brace or a comma.
    let selector = selector.split('}').next().unwrap().split(',');
    let label = |each: &str| {
        each.split(['=', '!', '~'])
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    selector.map(label).collect()
}

/// A text in a mapping of a YAML file.
fn text<'a>(node: &'a Yaml<'_>, key: &str) -> Option<&'a str> {
    node.as_mapping_get(key)?.as_str()
}

#[test]
fn every_rule_asks_for_what_there_is_and_says_what_to_do() {
    let samples = samples(&exposition());
    let file = Yaml::load_from_str(RULES).unwrap();
    let [file] = &file[..] else {
        panic!("one document: {file:?}");
    };
    let groups = file.as_mapping_get("groups").unwrap().as_vec().unwrap();
    let rules = groups.iter().flat_map(|group| {
        assert!(text(group, "name").is_some(), "{group:?}");
        group.as_mapping_get("rules").unwrap().as_vec().unwrap()
    });
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = text(rule, "alert").unwrap();
        assert!(name.starts_with("Payhook") && names.insert(name), "{name}");
        let expression = text(rule, "expr").unwrap();
        assert_eq!(missing(expression, &samples), [""; 0], "{name}");
        if let Some(lasting) = rule.as_mapping_get("for") {
            let lasting = lasting.as_str().unwrap();
            let number = lasting.strip_suffix(['s', 'm', 'h']).unwrap_or_default();
            assert!(number.parse::<u32>().is_ok(), "{name}: for {lasting}");
        }
        let labels = rule.as_mapping_get("labels").unwrap();
        let severity = text(labels, "severity").unwrap();
        assert!(["page", "ticket"].contains(&severity), "{name}: {severity}");
        let annotations = rule.as_mapping_get("annotations").unwrap();
        for key in ["summary", "description"] {
            let words = text(annotations, key).unwrap_or_default();
            assert!(!words.is_empty(), "{name} has no {key}");
        }
    }
    assert!(names.len() >= 15, "{names:?}");
}

#[test]
fn every_panel_asks_for_what_there_is_and_says_what_it_shows() {
    let samples = samples(&exposition());
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert_eq!(dashboard["title"], "payhook");
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    let mut expressions = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id");
        let place = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        let [x, y, w, h] = place;
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(
                cell.0 < 24 && taken.insert(cell),
                "{title} overlaps at {cell:?}"
            );
        }
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            !panel["description"].as_str().unwrap().is_empty(),
            "{title}"
        );
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(missing(expression, &samples), [""; 0], "{title}");
            expressions += 1;
        }
    }
    assert!(expressions > 20, "{expressions}");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&Value> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let query = variables[1]["query"]["query"].as_str().unwrap();
    assert_eq!(missing(query, &samples), [""; 0]);
}

#[test]
fn what_there_is_not_is_found() {
    let samples = samples(&exposition());
    for (expression, expected) in [
        ("payhook_dead_letters > 0", &[][..]),
        ("payhook_dead_letter > 0", &["payhook_dead_letter"]),
        ("rate(payhook_ack_seconds[5m])", &["payhook_ack_seconds"]),
        ("rate(payhook_ack_seconds_bucket{le=\"1.0\"}[5m])", &[]),
        (
            "sum by (sauce) (payhook_webhooks_accepted_total{sorce=~\"x\"})",
            &["payhook_webhooks_accepted_total{sorce}", "by (sauce)"],
        ),
        ("up{job=\"payhook\"}", &[]),
    ] {
        assert_eq!(missing(expression, &samples), expected, "{expression}");
    }
}
