//! Whether a data directory holds what it should: SQLite's own check, then ours.
//!
//! It reads and never repairs. Each of our rules is one query that finds nothing in a sound
//! store; what it finds instead is told with the first few places. It may run while a store is
//! open: everything is read from one snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::event::EventKeyDigest;
use rusqlite::{Connection, OpenFlags};

use crate::codec;
use crate::directory;
use crate::fault::Fault;
use crate::journal;
use crate::keys;
use crate::migrate;
use crate::options::OpenError;
use crate::rows;
use crate::state::State;

/// Something in a store that should not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken, as a sentence.
    pub rule: &'static str,
    /// Where, as far as can be said.
    pub place: String,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rules that have been checked.
    pub done: usize,
    /// All rules.
    pub total: usize,
    /// The one that is being checked.
    pub rule: &'static str,
}

/// Checks the store in `directory` from end to end. An empty answer means that it is sound.
///
/// Takes time in proportion to what is stored. `progress` is called before each rule.
pub fn check(
    directory: impl AsRef<Path>,
    mut progress: impl FnMut(Progress),
) -> Result<Vec<Finding>, OpenError> {
    let path = directory::database(directory.as_ref());
    let failed = |fault: Fault| OpenError::Unreadable {
        path: path.clone(),
        reason: fault.to_string(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags);
    let connection = connection.map_err(|error| failed(error.into()))?;
    if migrate::version(&connection, &path)? < migrate::newest() {
        return Err(OpenError::Older { path });
    }
    let snapshot = connection.unchecked_transaction();
    let snapshot = snapshot.map_err(|error| failed(error.into()))?;
    let total = QUERIES.len() + WALKS.len();
    let mut findings = Vec::new();
    let mut done = 0;
    for Query { rule, sql } in QUERIES {
        progress(Progress { done, total, rule });
        query(&snapshot, rule, sql, &mut findings).map_err(failed)?;
        done += 1;
    }
    for Walk { rule, walk } in WALKS {
        progress(Progress { done, total, rule });
        if let Err(fault) = walk(&snapshot, rule, &mut findings) {
            // A row that cannot be read is a finding; the other rules are checked still.
            findings.push(Finding {
                rule,
                place: fault.to_string(),
            });
        }
        done += 1;
    }
    Ok(findings)
}

struct Query {
    rule: &'static str,
    /// Selects one text for each place where the rule is broken.
    sql: &'static str,
}

struct Walk {
    rule: &'static str,
    walk: fn(&Connection, &'static str, &mut Vec<Finding>) -> Result<(), Fault>,
}

fn query(
    connection: &Connection,
    rule: &'static str,
    sql: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut told = 0;
    while let Some(row) = rows.next()?
        && told < FINDINGS_PER_RULE_MAX
    {
        let place = row.get(0)?;
        findings.push(Finding { rule, place });
        told += 1;
    }
    Ok(())
}

/// Every event can be read, no two have the same key, and each is found by both its keys.
fn walk_events(
    connection: &Connection,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let indexed = State::load(connection)?.indexed;
    let mut statement = connection.prepare("SELECT sequence FROM events ORDER BY sequence")?;
    let mut places = statement.query([])?;
    let mut seen: BTreeSet<EventKeyDigest> = BTreeSet::new();
    let mut told = 0;
    while let Some(row) = places.next()?
        && told < FINDINGS_PER_RULE_MAX
    {
        let sequence = codec::natural(row.get(0)?)?;
        let problem = match rows::event(connection, sequence) {
            Err(fault) => Some(fault.to_string()),
            Ok(None) => Some("its delivery is not there".to_owned()),
            Ok(Some(kept)) => {
                let record = kept.outline();
                let digest = record.event_key.digest();
                let is_indexed = sequence > indexed
                    || (has_key(connection, sequence, &digest)?
                        && has_payment(connection, sequence, &record.key)?);
                if !seen.insert(digest) {
                    Some("its event key was claimed before".to_owned())
                } else if is_indexed {
                    None
                } else {
                    Some("it is not found by its keys".to_owned())
                }
            }
        };
        if let Some(problem) = problem {
            let place = format!("event {sequence}: {problem}");
            findings.push(Finding { rule, place });
            told += 1;
        }
    }
    Ok(())
}

/// The chain holds. Whether it is the chain that was written, only a checkpoint tells.
fn walk_chain(
    connection: &Connection,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let report = journal::verify_snapshot(connection, &[], |_, _| ())?;
    let found = report.found.into_iter().take(FINDINGS_PER_RULE_MAX);
    findings.extend(found.map(|tampering| Finding {
        rule,
        place: format!("place {}: {}", tampering.sequence.get(), tampering.kind),
    }));
    Ok(())
}

/// The times of a payment's records never repeat and never go back.
fn walk_payments(
    connection: &Connection,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let mut statement = connection
        .prepare("SELECT payment_id, timestamp, sequence FROM events ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
    let mut told = 0;
    while let Some(row) = rows.next()?
        && told < FINDINGS_PER_RULE_MAX
    {
        let (payment_id, timestamp, sequence): (String, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let before = newest.insert(keys::payment_prefix(&payment_id), timestamp);
        if before.is_some_and(|before| before >= timestamp) {
            let place = format!("event {sequence}");
            findings.push(Finding { rule, place });
            told += 1;
        }
    }
    Ok(())
}

fn has_key(connection: &Connection, sequence: u64, digest: &EventKeyDigest) -> Result<bool, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM event_keys WHERE prefix = ?1 AND sequence = ?2")?;
    Ok(statement.exists([keys::event_prefix(digest), codec::integer(sequence)])?)
}

fn has_payment(
    connection: &Connection,
    sequence: u64,
    key: &domain::record::RecordKey,
) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM payment_keys WHERE prefix = ?1 AND timestamp = ?2 AND sequence = ?3",
    )?;
    let prefix = keys::payment_prefix(&key.payment_id);
    let time = key.timestamp.as_millis();
    Ok(statement.exists([prefix, time, codec::integer(sequence)])?)
}

/// A broken rule is told with so many places: one cause breaks it in many.
const FINDINGS_PER_RULE_MAX: usize = 20;

const WALKS: &[Walk] = &[
    Walk {
        rule: "every event is readable, has a key of its own and is found by its keys",
        walk: walk_events,
    },
    Walk {
        rule: "every entry of the feed follows from the one before it",
        walk: walk_chain,
    },
    Walk {
        rule: "the times of a payment's records only grow",
        walk: walk_payments,
    },
];

const QUERIES: &[Query] = &[
    Query {
        rule: "the file is sound in SQLite's own judgement",
        sql: "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    },
    Query {
        rule: "no place of the feed is taken twice",
        sql: "SELECT 'place ' || sequence FROM changes WHERE sequence IN (SELECT sequence FROM events)",
    },
    Query {
        rule: "the feed has no gap",
        sql: "SELECT 'places up to ' || s.head || ', entries ' || n FROM state s,
                (SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM changes) AS n,
                        max((SELECT coalesce(max(sequence), 0) FROM events),
                            (SELECT coalesce(max(sequence), 0) FROM changes)) AS newest,
                        (SELECT count(*) FROM events WHERE sequence < 1)
                        + (SELECT count(*) FROM changes WHERE sequence < 1) AS before_first)
              WHERE n <> s.head OR newest <> s.head OR before_first > 0",
    },
    Query {
        rule: "no reader is ahead of what it reads",
        sql: "SELECT 'cursor ' || cursor || ', keys ' || indexed || ', head ' || head
              FROM state WHERE cursor > head OR indexed > head",
    },
    Query {
        rule: "every delivery has events and every event a delivery",
        sql: "SELECT 'delivery ' || id FROM deliveries
              WHERE NOT EXISTS (SELECT 1 FROM events WHERE sequence = id AND delivery = id)
              UNION ALL
              SELECT 'event ' || sequence FROM events
              WHERE delivery NOT IN (SELECT id FROM deliveries) OR delivery > sequence",
    },
    Query {
        rule: "every change is of an event and follows the change before it",
        sql: "SELECT 'change ' || sequence FROM
                (SELECT sequence, event, previous,
                        lag(sequence) OVER (PARTITION BY event ORDER BY sequence) AS before
                 FROM changes)
              WHERE previous IS NOT before OR event >= sequence
                 OR event NOT IN (SELECT sequence FROM events)",
    },
    Query {
        rule: "every execution is for an entry of the feed and about its event",
        sql: "SELECT 'execution ' || sequence FROM executions x
              WHERE event IS NOT coalesce(
                (SELECT sequence FROM events WHERE sequence = x.sequence),
                (SELECT event FROM changes WHERE sequence = x.sequence))",
    },
    Query {
        rule: "every execution has a definition",
        sql: "SELECT 'execution ' || sequence FROM executions
              WHERE definition NOT IN (SELECT id FROM definitions)",
    },
    Query {
        rule: "every step is of an execution that has come so far",
        sql: "SELECT 'execution ' || execution || ', step ' || s.generation FROM steps s
              LEFT JOIN executions x ON x.sequence = s.execution
              WHERE x.generation IS NULL OR s.generation NOT BETWEEN 1 AND x.generation",
    },
    Query {
        rule: "every key is of an event",
        sql: "SELECT 'event ' || sequence FROM event_keys
              WHERE sequence NOT IN (SELECT sequence FROM events)
              UNION ALL
              SELECT 'event ' || k.sequence FROM payment_keys k
              LEFT JOIN events e ON e.sequence = k.sequence WHERE e.timestamp IS NOT k.timestamp",
    },
    Query {
        rule: "every conflict is with an event",
        sql: "SELECT 'conflict ' || id FROM conflicts
              WHERE event NOT IN (SELECT sequence FROM events)",
    },
    Query {
        rule: "every anomaly is of an event",
        sql: "SELECT 'anomaly ' || id FROM anomalies
              WHERE event NOT IN (SELECT sequence FROM events)",
    },
    Query {
        rule: "every key of a delivery is wrapped by a key that is there, or was destroyed",
        sql: "SELECT 'delivery ' || delivery FROM data_keys
              WHERE delivery NOT IN (SELECT id FROM deliveries)
                 OR (wrapped IS NULL) <> (shredded_at IS NOT NULL)
                 OR (wrapped IS NOT NULL AND wrapping NOT IN (SELECT id FROM keyring))
              UNION ALL
              SELECT 'delivery ' || id FROM deliveries
              WHERE sealed IS NOT NULL AND id NOT IN (SELECT delivery FROM data_keys)
              UNION ALL
              SELECT 'quarantined ' || id FROM quarantine
              WHERE (wrapped IS NULL) <> (wrapping IS NULL)
                 OR (wrapping IS NOT NULL AND wrapping NOT IN (SELECT id FROM keyring))",
    },
    Query {
        rule: "an endpoint's failure has a time and its being disabled a reason",
        sql: "SELECT 'endpoint ' || name FROM endpoints
              WHERE (failed_at IS NULL) <> (failure IS NULL)
                 OR (disabled_at IS NULL) <> (disabled_why IS NULL)
                 OR (failing_since IS NULL) <> (failures = 0) OR failures < 0",
    },
    Query {
        rule: "the counts are what is there",
        sql: "WITH real(name, number, kept) AS (
                SELECT 'events', (SELECT count(*) FROM events), events FROM state
                UNION ALL SELECT 'running',
                    (SELECT count(*) FROM executions WHERE status = 0), running FROM state
                UNION ALL SELECT 'succeeded',
                    (SELECT count(*) FROM executions WHERE status = 1), succeeded FROM state
                UNION ALL SELECT 'dead letters',
                    (SELECT count(*) FROM executions WHERE status > 1), dead_letters FROM state
                UNION ALL SELECT 'quarantined',
                    (SELECT count(*) FROM quarantine), quarantined FROM state
                UNION ALL SELECT 'quarantined bytes',
                    (SELECT coalesce(sum(bytes), 0) FROM quarantine), quarantined_bytes FROM state
                UNION ALL SELECT 'conflicts',
                    (SELECT count(*) FROM conflicts), conflicts FROM state
                UNION ALL SELECT 'anomalies',
                    (SELECT count(*) FROM anomalies), anomalies FROM state)
              SELECT name || ': counted ' || kept || ', there are ' || number
              FROM real WHERE number <> kept",
    },
];
