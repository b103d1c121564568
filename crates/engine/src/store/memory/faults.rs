//! Writes that fail on purpose, for the simulator and for tests of what comes after.

use std::collections::BTreeMap;

use crate::store::Unavailable;

/// How a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteFault {
    /// Whether it has taken effect by then.
    pub moment: FaultMoment,
    /// What the caller is told. After [`Unavailable::Failed`] and [`Unavailable::Closing`] the
    /// store takes no more writes until it is opened again.
    pub error: Unavailable,
}

/// Where in a write a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultMoment {
    /// Nothing is written.
    BeforeEffect,
    /// Everything is written, but the answer does not arrive.
    AfterEffect,
}

/// The planned faults, and what is left of the store after those that have struck.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: BTreeMap<u64, WriteFault>,
    writes: u64,
    refuses_writes: Option<Unavailable>,
    closed: bool,
}

impl Faults {
    pub(super) fn plan(&mut self, nth: u64, fault: WriteFault) {
        self.planned.insert(self.writes.saturating_add(nth), fault);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    pub(super) fn before_read(&self) -> Result<(), Unavailable> {
        if self.closed {
            Err(Unavailable::Closing)
        } else {
            Ok(())
        }
    }

    /// What a write would be told for good.
    pub(super) fn refuses_writes(&self) -> Option<Unavailable> {
        self.refuses_writes
    }

    /// Counts one more write; the fault that strikes it, if one does.
    pub(super) fn next_write(&mut self) -> Result<Option<WriteFault>, Unavailable> {
        self.writes = self.writes.saturating_add(1);
        if let Some(error) = self.refuses_writes {
            return Err(error);
        }
        let fault = self.planned.remove(&self.writes);
        self.refuses_writes = fault.and_then(|fault| match fault.error {
            Unavailable::Failed | Unavailable::Closing => Some(fault.error),
            Unavailable::Overloaded | Unavailable::Unreachable | Unavailable::Unreadable => None,
        });
        Ok(fault)
    }
}
