//! What must be true in the end, whenever the server was killed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::senders::{End, Sent};
use crate::support::ledger::Ledger;
use crate::support::server::Server;

/// Judges what a server at rest holds by what senders were told and the gateway has done.
pub(crate) async fn judge(server: &Server, sent: &Sent, ledger: &Ledger) {
    let stored = events(server).await;
    judge_events(&stored, sent);
    judge_effects(&stored, sent, ledger);
    judge_feed(&changes(server).await, sent);
    judge_counts(&server.api("counts").await, sent);
}

/// Every event that was answered with 200 is there once, as it was answered, and settled.
fn judge_events(stored: &[Value], sent: &Sent) {
    let mut by_key = BTreeMap::new();
    for event in stored {
        let key = event["eventKey"].as_str().unwrap();
        assert!(by_key.insert(key, event).is_none(), "{key} is there twice");
    }
    assert_eq!(
        by_key.len(),
        sent.events.len(),
        "events that nobody sent, or lost ones"
    );
    let mut records = BTreeSet::new();
    for kept in &sent.events {
        let key = format!("generic/{}", kept.event);
        let event = by_key.get(&*key).unwrap_or_else(|| panic!("{key} is lost"));
        let answer: Value = serde_json::from_str(&kept.answer).unwrap();
        assert_eq!(event["paymentId"], answer["paymentId"], "{key}");
        assert_eq!(event["timestamp"], answer["timestamp"], "{key}");
        let record = (kept.payment.clone(), event["timestamp"].as_i64().unwrap());
        assert!(records.insert(record), "{key} shares its record");
        let (status, execution, error) = match kept.end {
            End::Completed => ("completed", "SUCCEEDED", Value::Null),
            End::Declined => ("failed", "FAILED", "PaymentDeclined".into()),
            End::Spent => ("failed", "FAILED", "GatewayUnavailable".into()),
        };
        assert_eq!(event["status"], status, "{event}");
        assert_eq!(event["execution"], execution, "{event}");
        assert_eq!(event["error"], error, "{event}");
    }
}

/// Every completed event has one effect, every failed one none; and whoever asks again for one
/// event asks with the same key.
fn judge_effects(stored: &[Value], sent: &Sent, ledger: &Ledger) {
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for asked in ledger.all_asked() {
        keys.entry(asked.payment).or_default().insert(asked.key);
    }
    let effects = ledger.all_effects();
    let transactions: BTreeMap<_, _> = stored
        .iter()
        .map(|event| {
            (
                event["paymentId"].as_str().unwrap(),
                &event["transactionId"],
            )
        })
        .collect();
    let mut completed = 0;
    for kept in &sent.events {
        let keys = &keys[&kept.payment];
        assert_eq!(keys.len(), 1, "{kept:?} was asked for with {keys:?}");
        let key = keys.first().unwrap();
        let settled = effects.get(key) == Some(&kept.payment);
        assert_eq!(settled, kept.end == End::Completed, "{kept:?}");
        if settled {
            completed += 1;
            assert_eq!(
                *transactions[&*kept.payment],
                format!("txn-{key}"),
                "{kept:?}"
            );
        }
    }
    assert_eq!(
        effects.len(),
        completed,
        "effects for which no event was kept"
    );
}

/// The feed has every place once, and for every event one insertion, one claim and one end.
fn judge_feed(changes: &[Value], sent: &Sent) {
    let mut lives: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (change, expected) in changes.iter().zip(1_u64..) {
        assert_eq!(
            change["sequence"], expected,
            "a gap or a double in the feed"
        );
        let text = |name: &str| change[name].as_str().unwrap();
        lives
            .entry(text("paymentId"))
            .or_default()
            .push((text("eventName"), text("status")));
    }
    assert_eq!(lives.len(), sent.events.len());
    for kept in &sent.events {
        let end = match kept.end {
            End::Completed => "completed",
            End::Declined | End::Spent => "failed",
        };
        let expected = [
            ("INSERT", "pending"),
            ("MODIFY", "processing"),
            ("MODIFY", end),
        ];
        assert_eq!(lives[&*kept.payment], expected, "{kept:?}");
    }
}

fn judge_counts(counts: &Value, sent: &Sent) {
    let completed = sent
        .events
        .iter()
        .filter(|kept| kept.end == End::Completed)
        .count();
    assert_eq!(counts["events"], sent.events.len(), "{counts}");
    assert_eq!(counts["succeeded"], completed, "{counts}");
    assert_eq!(
        counts["deadLetters"],
        sent.events.len() - completed,
        "{counts}"
    );
    assert_eq!(counts["quarantined"], 0, "{counts}");
}

async fn events(server: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = "events?limit=1000".to_owned();
    loop {
        let page = server.api(&path).await;
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_u64() else {
            return all;
        };
        path = format!("events?limit=1000&before={next}");
    }
}

async fn changes(server: &Server) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let page = server
            .api(&format!("changes?limit=1000&after={after}"))
            .await;
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            return all;
        }
        all.extend(items.iter().cloned());
        after = page["after"].as_u64().unwrap();
    }
}
