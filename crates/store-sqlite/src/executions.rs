//! Executions: the port [`Executions`].

use domain::stream::Sequence;
use domain::time::{Millis, Timestamp};
use engine::store::{
    Claimed, Committed, DefinitionId, Executions, PaymentOfSource, Progress, StartExecution,
    Unavailable,
};
use engine::wakeup::Wakeup;
use rusqlite::{Connection, OptionalExtension as _};

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::keys;
use crate::rows;
use crate::safe::{self, Column, Envelope, Safe};
use crate::shared::Shared;
use crate::state::State;
use crate::writer::Lane;
use crate::writer::definition::KeepDefinition;
use crate::writer::progress::Commit;
use crate::writer::start::StartAll;

impl Executions for SqliteStore {
    fn pipe_cursor(&self) -> Result<Sequence, Unavailable> {
        let state = self.shared.readers.read(State::load);
        state
            .map(|state| Sequence::new(state.cursor))
            .map_err(Fault::unreadable)
    }

    async fn start_all(
        &self,
        starts: Vec<StartExecution>,
        definition: DefinitionId,
        cursor: Sequence,
    ) -> Result<(), Unavailable> {
        let start = StartAll {
            starts,
            definition,
            cursor,
        };
        self.write(Lane::Progress, start).await
    }

    fn claim_due(
        &self,
        now: Timestamp,
        lease: Millis,
        limit: usize,
    ) -> Result<Vec<Claimed>, Unavailable> {
        self.check_writable()?;
        // Leases first, then the rows: what was committed before a lease could be taken is
        // in the snapshot that is read under it.
        let sequences = self
            .shared
            .schedule()
            .claim_due(now, now.after(lease), limit);
        if sequences.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.shared.readers.read_at_once(|connection| {
            let safe = &self.shared.safe;
            let rows = sequences
                .iter()
                .map(|&sequence| claimed(connection, safe, sequence));
            rows.filter_map(Result::transpose).collect()
        });
        read.map_err(|fault| {
            for &sequence in &sequences {
                self.shared.schedule().release(sequence);
            }
            fault.unreadable()
        })
    }

    fn claim_one(
        &self,
        sequence: Sequence,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<Claimed>, Unavailable> {
        self.check_writable()?;
        let number = sequence.get();
        if !self
            .shared
            .schedule()
            .claim_one(number, now, now.after(lease))
        {
            return Ok(None);
        }
        let Shared { readers, safe, .. } = &*self.shared;
        let read = readers.read_at_once(|connection| claimed(connection, safe, number));
        if !matches!(read, Ok(Some(_))) {
            self.shared.schedule().release(number);
        }
        read.map_err(Fault::unreadable)
    }

    fn earlier_running(
        &self,
        sequence: Sequence,
        payment: &PaymentOfSource,
    ) -> Result<Option<Sequence>, Unavailable> {
        let shared = &self.shared;
        let read = shared.readers.read(|connection| {
            let prefix = keys::payment_prefix(&payment.payment_id);
            let places = shared
                .keys
                .payments(connection, prefix, i64::MIN..=i64::MAX)?;
            for place in places.into_iter().filter(|place| *place < sequence.get()) {
                if is_running(connection, place, payment)? {
                    return Ok(Some(Sequence::new(place)));
                }
            }
            Ok(None)
        });
        read.map_err(Fault::unreadable)
    }

    fn release(&self, sequence: Sequence) {
        if self.shared.schedule().release(sequence.get()) {
            self.shared.due.wake();
        }
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Unavailable> {
        Ok(self.shared.schedule().next_due())
    }

    async fn commit(&self, progress: Progress) -> Result<Committed, Unavailable> {
        let Shared { readers, safe, .. } = &*self.shared;
        let shreddings = safe.shreddings();
        let envelope = readers.read(|connection| envelope(connection, progress.sequence.get()));
        // Sealed here, on the caller's thread: the writer's time is everybody's.
        let commit = envelope
            .and_then(|envelope| Commit::try_new(progress, (envelope.as_ref(), shreddings), safe))
            .map_err(Fault::unreadable)?;
        self.write(Lane::Progress, commit).await
    }

    async fn keep_definition(&self, id: DefinitionId, text: String) -> Result<(), Unavailable> {
        self.write(Lane::Progress, KeepDefinition { id, text })
            .await
    }

    fn definition(&self, id: &DefinitionId) -> Result<Option<String>, Unavailable> {
        let read = self.shared.readers.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT text FROM definitions WHERE hash = ?1")?;
            let text: Option<Option<String>> =
                statement.query_row([id], |row| row.get(0)).optional()?;
            Ok(text.flatten())
        });
        read.map_err(Fault::unreadable)
    }

    fn due_wakeup(&self) -> &Wakeup {
        &self.shared.due
    }
}

/// Whether the execution that was started for the insertion at `place` runs, and is of the payment.
fn is_running(
    connection: &Connection,
    place: u64,
    payment: &PaymentOfSource,
) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM executions x JOIN events e ON e.sequence = x.sequence
         WHERE x.sequence = ?1 AND x.status = 0 AND e.payment_id = ?2 AND e.source = ?3 LIMIT 1",
    )?;
    let place = codec::integer(place);
    Ok(statement.exists((place, &payment.payment_id, payment.source.as_str()))?)
}

/// The envelope of the event that an execution is about.
fn envelope(connection: &Connection, sequence: u64) -> Result<Option<Envelope>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT e.delivery, k.wrapping, k.wrapped, k.shredded_at
         FROM executions x JOIN events e ON e.sequence = x.event
         LEFT JOIN data_keys k ON k.delivery = e.delivery WHERE x.sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(sequence)])?;
    let row = rows.next()?;
    row.map(|row| Envelope::of_row(row, [0, 1, 2, 3]))
        .transpose()
}

fn claimed(connection: &Connection, safe: &Safe, sequence: u64) -> Result<Option<Claimed>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT x.generation, x.status, d.hash, x.started_at, x.snapshot, x.sealed, x.event
         FROM executions x JOIN definitions d ON d.id = x.definition WHERE x.sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(sequence)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let missing = || Fault::Corrupt("an execution of a feed entry that is not there");
    let generation = codec::natural(row.get(0)?)?;
    let snapshot: Option<Vec<u8>> = row.get(4)?;
    let sealed: Option<i64> = row.get(5)?;
    let snapshot = match snapshot {
        Some(snapshot) if sealed.is_some() => {
            let event = codec::natural(row.get(6)?)?;
            let envelope = safe::envelope(connection, event)?.ok_or_else(missing)?;
            let column = Column {
                bytes: &snapshot,
                is_sealed: true,
            };
            envelope.open(safe, &safe::snapshot(sequence, generation), column)?
        }
        snapshot => snapshot,
    };
    Ok(Some(Claimed {
        sequence: Sequence::new(sequence),
        generation,
        status: codec::status(row.get(1)?)?,
        definition: row.get(2)?,
        started_at: Timestamp::from_millis(row.get(3)?),
        snapshot: snapshot.map(Into::into),
        change: rows::change(connection, safe, sequence)?.ok_or_else(missing)?,
    }))
}
