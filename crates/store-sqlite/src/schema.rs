//! The tables. What each column holds, and why it stands there, is in docs/storage-format.md.
//!
//! Everything that grows with the events is appended in the order of the change feed, so that a
//! commit writes a few neighbouring pages however much is stored. The exceptions are the two key
//! tables, whose order is random by nature: see [`crate::keys`].

/// Marks the file as ours ("PayH"), so that another program's database is not taken for it.
pub(crate) const APPLICATION_ID: i32 = 0x5061_7948;

/// What the second version adds: what an event of a known provider means, who vouches for a
/// delivery, and what does not fit together in a payment.
///
/// Old rows keep NULL, which means what it meant before: no meaning, and a signed body.
pub(crate) const VERSION_2: &str = "
ALTER TABLE events ADD COLUMN meaning TEXT;
ALTER TABLE deliveries ADD COLUMN vouched INTEGER;
ALTER TABLE state ADD COLUMN anomalies INTEGER NOT NULL DEFAULT 0;

CREATE TABLE anomalies (
    id    INTEGER PRIMARY KEY,
    event INTEGER NOT NULL,
    kind  INTEGER NOT NULL
) STRICT;
CREATE INDEX anomalies_by_event ON anomalies (event);
";

/// What the third version adds: who did what, when, and why; and how much came when.
pub(crate) const VERSION_3: &str = "
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    operator TEXT NOT NULL,
    action   TEXT NOT NULL,
    target   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    is_done  INTEGER,
    why      TEXT
) STRICT;

CREATE TABLE arrivals (
    minute INTEGER NOT NULL,
    source TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (minute, source)
) STRICT, WITHOUT ROWID;
";

/// What the fourth version adds: how endpoints fare that are told what becomes of payments.
pub(crate) const VERSION_4: &str = "
CREATE TABLE endpoints (
    name          TEXT PRIMARY KEY,
    failing_since INTEGER,
    failures      INTEGER NOT NULL,
    failed_at     INTEGER,
    failure       TEXT,
    disabled_at   INTEGER,
    disabled_why  TEXT
) STRICT, WITHOUT ROWID;
";

/// What the fifth version adds: what the alerts remember.
pub(crate) const VERSION_5: &str = "
CREATE TABLE alerts (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    book TEXT NOT NULL
) STRICT;
";

/// What the sixth version adds: how executions ended and how fast webhooks were answered in each
/// minute, and the keys of requests that are not to be carried out twice.
pub(crate) const VERSION_6: &str = "
CREATE TABLE endings (
    minute     INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    executions INTEGER NOT NULL,
    PRIMARY KEY (minute, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE acks (
    minute    INTEGER PRIMARY KEY,
    webhooks  INTEGER NOT NULL,
    median_us INTEGER NOT NULL,
    p99_us    INTEGER NOT NULL
) STRICT;

CREATE TABLE requests (
    operator    TEXT NOT NULL,
    key         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    status      INTEGER,
    body        BLOB,
    PRIMARY KEY (operator, key)
) STRICT;
CREATE INDEX requests_by_time ON requests (at);
";

/// What the seventh version adds: keys. A row is sealed if it says so; old rows say nothing.
pub(crate) const VERSION_7: &str = "
CREATE TABLE keyring (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    master  BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE data_keys (
    delivery    INTEGER PRIMARY KEY,
    wrapping    INTEGER NOT NULL,
    wrapped     BLOB,
    shredded_at INTEGER
) STRICT;

ALTER TABLE deliveries ADD COLUMN sealed INTEGER;
ALTER TABLE conflicts ADD COLUMN sealed INTEGER;
ALTER TABLE executions ADD COLUMN sealed INTEGER;
ALTER TABLE steps ADD COLUMN sealed INTEGER;
ALTER TABLE quarantine ADD COLUMN body_bytes INTEGER;
UPDATE quarantine SET body_bytes = length(body);
ALTER TABLE quarantine ADD COLUMN wrapping INTEGER;
ALTER TABLE quarantine ADD COLUMN wrapped BLOB;

CREATE INDEX deliveries_unsealed ON deliveries (id) WHERE sealed IS NULL;
";

/// What the eighth version adds: each entry of the feed has the hash of the one before and of
/// itself. Entries that are there already stay outside the chain.
pub(crate) const VERSION_8: &str = "
ALTER TABLE events ADD COLUMN link BLOB;
ALTER TABLE changes ADD COLUMN link BLOB;
ALTER TABLE state ADD COLUMN chained_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN link BLOB;
UPDATE state SET chained_after = head;
";

/// The first version of the schema.
pub(crate) const VERSION_1: &str = "
CREATE TABLE state (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    head              INTEGER NOT NULL,
    cursor            INTEGER NOT NULL,
    indexed           INTEGER NOT NULL,
    events            INTEGER NOT NULL,
    running           INTEGER NOT NULL,
    succeeded         INTEGER NOT NULL,
    dead_letters      INTEGER NOT NULL,
    quarantined       INTEGER NOT NULL,
    quarantined_bytes INTEGER NOT NULL,
    conflicts         INTEGER NOT NULL,
    conflicts_unkept  INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE deliveries (
    id           INTEGER PRIMARY KEY,
    received_at  INTEGER NOT NULL,
    secret_label TEXT NOT NULL,
    trace        BLOB NOT NULL,
    headers      BLOB NOT NULL,
    body         BLOB NOT NULL
) STRICT;

CREATE TABLE events (
    sequence   INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL,
    payment_id TEXT NOT NULL,
    timestamp  INTEGER NOT NULL,
    source     TEXT NOT NULL,
    event_id   ANY,
    amount     TEXT NOT NULL,
    currency   TEXT NOT NULL,
    status     TEXT NOT NULL,
    provider   TEXT NOT NULL
) STRICT;

CREATE TABLE changes (
    sequence   INTEGER PRIMARY KEY,
    event      INTEGER NOT NULL,
    previous   INTEGER,
    at         INTEGER NOT NULL,
    settlement INTEGER NOT NULL,
    reference  TEXT,
    detail     ANY
) STRICT;
CREATE INDEX changes_by_event ON changes (event);

CREATE TABLE event_keys (
    prefix   INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (prefix, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment_keys (
    prefix    INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    sequence  INTEGER NOT NULL,
    PRIMARY KEY (prefix, timestamp, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE conflicts (
    id          INTEGER PRIMARY KEY,
    event       INTEGER NOT NULL,
    body_hash   BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    headers     BLOB NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (event, body_hash)
) STRICT;

CREATE TABLE executions (
    sequence   INTEGER PRIMARY KEY,
    event      INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    definition INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    due_at     INTEGER,
    snapshot   BLOB
) STRICT;
CREATE INDEX executions_open ON executions (status, due_at)
    WHERE status <> 1 OR due_at IS NOT NULL;

CREATE TABLE steps (
    execution  INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    texts      BLOB NOT NULL,
    PRIMARY KEY (execution, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    text TEXT
) STRICT;

CREATE TABLE quarantine (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    source            TEXT NOT NULL,
    body_hash         BLOB NOT NULL,
    reason            INTEGER NOT NULL,
    first_received_at INTEGER NOT NULL,
    last_received_at  INTEGER NOT NULL,
    count             INTEGER NOT NULL,
    trace             BLOB NOT NULL,
    bytes             INTEGER NOT NULL,
    headers           BLOB NOT NULL,
    body              BLOB NOT NULL,
    UNIQUE (source, body_hash)
) STRICT;
";
