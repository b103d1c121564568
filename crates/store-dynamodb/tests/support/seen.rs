//! What an outsider reads in the tables and in the stream, without the store's own code.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodbstreams::types::{AttributeValue as StreamValue, Record, ShardIteratorType};
use bytes::Bytes;
use domain::admit::Vouched;
use domain::delivery::{BodyHash, Headers, RawDelivery};
use domain::record::RecordKey;
use domain::source::SourceName;
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::Timestamp;
use domain::trace::TraceId;
use engine::store::{
    ConflictSummary, EventDetail, EventLog as _, EventSummary, QuarantineReason, QuarantinedSummary,
};
use serde_json::{Map, Value, json};
use testbed::store_suite::{Custodian, Seen};

use super::{RoutedStore, endpoint, on_runtime, streams};

type Item = HashMap<String, AttributeValue>;

impl Custodian for RoutedStore {
    async fn seen(&self) -> Seen {
        let feed = feed(&self.tables.payments);
        let mut entries: HashMap<String, Vec<Item>> = HashMap::new();
        for entry in scan(&self.tables.event_keys) {
            entries
                .entry(text(&entry, "eventKey"))
                .or_default()
                .push(entry);
        }
        let mut events = Vec::new();
        for item in scan(&self.tables.payments) {
            let key = key_of(&item);
            let record = self.record(&key).await.expect("readable").expect("listed");
            assert_eq!(
                as_image(&item),
                record.image(),
                "an item is its record's image"
            );
            let digest = record.event_key.digest();
            let entries = entries.remove(&digest.to_string()).expect("a claimed key");
            assert_eq!(self.find_event(&digest).await, Ok(Some(key.clone())));
            let changes: Vec<_> = feed
                .iter()
                .filter(|change| change.key == key)
                .cloned()
                .collect();
            assert_eq!(changes[0].kind, ChangeKind::Insert);
            let newest = changes.last().and_then(|change| change.new_image.clone());
            assert_eq!(newest, Some(record.image()), "the stream tells the record");
            let claim = entries.iter().find(|entry| text(entry, "entry") == "claim");
            let claim = claim.expect("a claim");
            assert_eq!(text(claim, "event"), record.event_key.to_string());
            assert!(number(claim, "expiresAt") > record.received_at.as_millis() / 1_000);
            events.push(EventDetail {
                summary: EventSummary {
                    sequence: changes[0].sequence,
                    record,
                    execution: None,
                },
                headers: headers(claim),
                secret_label: text(claim, "secretLabel"),
                vouched: vouched(claim),
                anomalies: Vec::new(),
                conflicts: conflicts(&entries),
                changes,
            });
        }
        assert!(
            entries.is_empty(),
            "keys without records: {}",
            entries.len()
        );
        events.sort_by_key(|event| std::cmp::Reverse(event.summary.sequence));
        Seen {
            feed,
            events,
            quarantined: quarantined(&self.tables.quarantine),
        }
    }
}

fn scan(table: &str) -> Vec<Item> {
    let asked = endpoint().scan().table_name(table).consistent_read(true);
    let answer = on_runtime(asked.send()).expect("a scan");
    assert!(
        answer.last_evaluated_key().is_none(),
        "one page is enough for a test"
    );
    answer.items.unwrap_or_default()
}

/// The whole stream of a table.
fn feed(table: &str) -> Vec<Change> {
    let table = endpoint().describe_table().table_name(table).send();
    let table = on_runtime(table).expect("a table").table.expect("a table");
    let stream = table.latest_stream_arn().expect("a stream").to_owned();
    let described = on_runtime(streams().describe_stream().stream_arn(&stream).send());
    let described = described
        .expect("a stream")
        .stream_description
        .expect("a stream");
    let mut records = Vec::new();
    for shard in described.shards() {
        records.extend(records_of(&stream, shard.shard_id().expect("an id")));
    }
    let place = |record: &Record| {
        let number = record
            .dynamodb()
            .and_then(|change| change.sequence_number());
        number.expect("a number").parse::<u128>().expect("digits")
    };
    records.sort_by_key(place);
    (1..)
        .zip(&records)
        .map(|(number, record)| change(number, record))
        .collect()
}

fn records_of(stream: &str, shard: &str) -> Vec<Record> {
    let asked = streams()
        .get_shard_iterator()
        .stream_arn(stream)
        .shard_id(shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon);
    let mut iterator = on_runtime(asked.send())
        .expect("an iterator")
        .shard_iterator;
    let mut records = Vec::new();
    while let Some(at) = iterator {
        let asked = streams().get_records().shard_iterator(at).send();
        let answer = on_runtime(asked).expect("records");
        let page = answer.records.unwrap_or_default();
        if page.is_empty() {
            break;
        }
        records.extend(page);
        iterator = answer.next_shard_iterator;
    }
    records
}

fn change(number: u64, record: &Record) -> Change {
    let kind = match record.event_name().expect("a name").as_str() {
        "INSERT" => ChangeKind::Insert,
        "MODIFY" => ChangeKind::Modify,
        other => panic!("nothing is ever removed: {other}"),
    };
    let told = record.dynamodb().expect("a change");
    let image = |image: Option<&HashMap<String, StreamValue>>| {
        let image = image.filter(|image| !image.is_empty())?;
        let typed = image
            .iter()
            .map(|(name, value)| (name.clone(), typed(value)));
        Some(without_extras(typed.collect()))
    };
    let (new_image, old_image) = (image(told.new_image()), image(told.old_image()));
    let key = |name: &str| {
        new_image
            .as_ref()
            .and_then(|image| image.get(name))
            .cloned()
    };
    let payment = key("paymentId").expect("a key");
    let timestamp = key("timestamp").expect("a key");
    let created = told
        .approximate_creation_date_time()
        .map(|time| time.secs());
    Change {
        sequence: Sequence::new(number),
        at: Timestamp::from_millis(created.unwrap_or_default() * 1_000),
        kind,
        key: RecordKey {
            payment_id: payment["S"].as_str().expect("a text").to_owned(),
            timestamp: Timestamp::from_millis(
                timestamp["N"]
                    .as_str()
                    .expect("digits")
                    .parse()
                    .expect("digits"),
            ),
        },
        old_image,
        new_image,
    }
}

fn typed(value: &StreamValue) -> Value {
    match (value.as_s(), value.as_n(), value.as_bool()) {
        (Ok(text), _, _) => json!({"S": text}),
        (_, Ok(digits), _) => json!({"N": digits}),
        (_, _, Ok(flag)) => json!({"BOOL": flag}),
        (Err(_), Err(_), Err(other)) => panic!("of no kind that an image has: {other:?}"),
    }
}

/// An item as the image that it should be.
fn as_image(item: &Item) -> Value {
    let typed = item.iter().map(|(name, value)| {
        let value = match (value.as_s(), value.as_n(), value.as_bool()) {
            (Ok(text), _, _) => json!({"S": text}),
            (_, Ok(digits), _) => json!({"N": digits}),
            (_, _, Ok(flag)) => json!({"BOOL": flag}),
            (Err(_), Err(_), Err(other)) => panic!("of no kind that an image has: {other:?}"),
        };
        (name.clone(), value)
    });
    without_extras(typed.collect())
}

/// Without the one attribute that an item may have beside its image; numbers in our own form.
fn without_extras(mut image: Map<String, Value>) -> Value {
    image.remove("providerStatus");
    if let Some(amount) = image.get_mut("amount") {
        let digits = amount["N"].as_str().expect("digits").to_owned();
        let amount_read = domain::money::Amount::parse(&digits.to_lowercase()).expect("an amount");
        *amount = json!({"N": amount_read.to_string()});
    }
    Value::Object(image)
}

fn vouched(claim: &Item) -> Vouched {
    match claim.get("vouched").and_then(|word| word.as_s().ok()) {
        None => Vouched::Verified,
        Some(word) if word == "authenticated" => Vouched::Authenticated,
        Some(word) => panic!("a proof that there is not: {word}"),
    }
}

fn conflicts(entries: &[Item]) -> Vec<ConflictSummary> {
    let conflict = |entry: &Item| {
        let name = text(entry, "entry");
        let hash = name.strip_prefix("conflict#")?;
        Some(ConflictSummary {
            body_hash: body_hash(hash),
            body: bytes(entry, "body"),
            received_at: Timestamp::from_millis(number(entry, "receivedAt")),
            count: u64::try_from(number(entry, "deliveries")).expect("a count"),
        })
    };
    let mut conflicts: Vec<_> = entries.iter().filter_map(conflict).collect();
    conflicts.sort_by_key(|conflict| conflict.received_at);
    conflicts
}

fn quarantined(table: &str) -> Vec<(QuarantinedSummary, RawDelivery)> {
    let mut items = scan(table);
    items.sort_by_key(|item| number(item, "firstReceivedAt"));
    let told = |(id, item): (u64, &Item)| {
        let name = text(item, "delivery");
        let (source, hash) = name.split_once('/').expect("a source and a hash");
        let body = bytes(item, "body");
        let reason = text(item, "reason");
        let mut reasons = QuarantineReason::ALL.into_iter();
        let summary = QuarantinedSummary {
            id,
            source: SourceName::try_new(source).expect("a source"),
            body_hash: body_hash(hash),
            body_bytes: body.len() as u64,
            reason: reasons
                .find(|each| each.as_str() == reason)
                .expect("a reason"),
            first_received_at: Timestamp::from_millis(number(item, "firstReceivedAt")),
            last_received_at: Timestamp::from_millis(number(item, "lastReceivedAt")),
            count: u64::try_from(number(item, "deliveries")).expect("a count"),
            trace: trace(&text(item, "traceId")),
        };
        let delivery = RawDelivery {
            source: summary.source.clone(),
            headers: headers(item),
            body,
            received_at: summary.last_received_at,
        };
        (summary, delivery)
    };
    let mut all: Vec<_> = (1..).zip(&items).map(told).collect();
    all.reverse();
    all
}

fn key_of(item: &Item) -> RecordKey {
    RecordKey {
        payment_id: text(item, "paymentId"),
        timestamp: Timestamp::from_millis(number(item, "timestamp")),
    }
}

fn headers(item: &Item) -> Headers {
    let pairs = item["headers"].as_l().expect("a list").iter().map(|pair| {
        let pair = pair.as_l().expect("a pair");
        let value = pair[1].as_b().expect("bytes").as_ref();
        (
            pair[0].as_s().expect("a name").clone(),
            Bytes::copy_from_slice(value),
        )
    });
    Headers::new(pairs)
}

fn text(item: &Item, name: &str) -> String {
    item[name].as_s().expect("a text").clone()
}

fn number(item: &Item, name: &str) -> i64 {
    item[name]
        .as_n()
        .expect("a number")
        .parse()
        .expect("a whole number")
}

fn bytes(item: &Item, name: &str) -> Bytes {
    Bytes::copy_from_slice(item[name].as_b().expect("bytes").as_ref())
}

fn body_hash(digits: &str) -> BodyHash {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits, &mut hash).expect("a hash");
    BodyHash::from_bytes(hash)
}

fn trace(digits: &str) -> TraceId {
    let mut id = [0; 16];
    hex::decode_to_slice(digits, &mut id).expect("a trace");
    TraceId::from_bytes(id)
}
