//! How values become columns and columns become values again. Nothing here knows a table.

use bytes::Bytes;
use domain::admit::Vouched;
use domain::delivery::{BodyHash, Headers};
use domain::meaning::Meaning;
use domain::payment::Anomaly;
use domain::settlement::Settlement;
use domain::time::Timestamp;
use domain::trace::{SpanId, TraceContext, TraceId};
use engine::store::{ExecutionStatus, QuarantineReason};
use rusqlite::types::{Value, ValueRef};
use sha2::{Digest as _, Sha256};

use crate::fault::Fault;

/// A counter or place as SQLite's signed integer. None of ours comes near its end.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The counter or place in a column.
pub(crate) fn natural(column: i64) -> Result<u64, Fault> {
    u64::try_from(column).map_err(|_| Fault::Corrupt("a negative count or place"))
}

/// The trace in a column, with the span in it where one was recorded.
pub(crate) fn trace_context(column: &[u8]) -> Result<TraceContext, Fault> {
    let (id, span) = column.split_at_checked(16).unwrap_or((column, &[]));
    let span = match span {
        [] => None,
        span => {
            let bytes = span.try_into();
            SpanId::from_bytes(bytes.map_err(|_| Fault::Corrupt("a span that is not 8 bytes"))?)
        }
    };
    Ok(TraceContext {
        id: trace(id)?,
        span,
    })
}

/// What [`trace_context`] reads.
pub(crate) fn pack_trace(trace: TraceContext) -> Vec<u8> {
    let mut packed = trace.id.as_bytes().to_vec();
    if let Some(span) = trace.span {
        packed.extend_from_slice(span.as_bytes());
    }
    packed
}

/// The trace in a column.
pub(crate) fn trace(column: &[u8]) -> Result<TraceId, Fault> {
    let bytes = column.try_into();
    bytes
        .map(TraceId::from_bytes)
        .map_err(|_| Fault::Corrupt("a trace that is not 16 bytes"))
}

/// The body's hash in a column.
pub(crate) fn body_hash(column: &[u8]) -> Result<BodyHash, Fault> {
    let bytes = column.try_into();
    bytes
        .map(BodyHash::from_bytes)
        .map_err(|_| Fault::Corrupt("a body's hash that is not 32 bytes"))
}

/// The hash of a body.
pub(crate) fn hash_of(body: &[u8]) -> BodyHash {
    BodyHash::from_bytes(Sha256::digest(body).into())
}

/// Byte strings one after the other, each behind its length (LEB128).
pub(crate) fn pack<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in parts {
        let mut length = part.len();
        while length >= 0x80 {
            packed.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        packed.push(length as u8);
        packed.extend_from_slice(part);
    }
    packed
}

/// What [`pack`] has packed.
pub(crate) fn unpack(mut packed: &[u8]) -> Result<Vec<Bytes>, Fault> {
    let torn = || Fault::Corrupt("a packed list that ends too early");
    let mut parts = Vec::new();
    while !packed.is_empty() {
        let mut length = 0_usize;
        for shift in (0..35).step_by(7) {
            let (byte, rest) = packed.split_first().ok_or_else(torn)?;
            packed = rest;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (part, rest) = packed.split_at_checked(length).ok_or_else(torn)?;
        parts.push(Bytes::copy_from_slice(part));
        packed = rest;
    }
    Ok(parts)
}

/// Headers as one column: name, value, name, value …
pub(crate) fn pack_headers(headers: &Headers) -> Vec<u8> {
    pack(
        headers
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), value]),
    )
}

/// What [`pack_headers`] has packed.
pub(crate) fn unpack_headers(packed: &[u8]) -> Result<Headers, Fault> {
    let parts = unpack(packed)?;
    let mut pairs = Vec::with_capacity(parts.len() / 2);
    for pair in parts.chunks(2) {
        let [name, value] = pair else {
            return Err(Fault::Corrupt("a header without a value"));
        };
        let name = std::str::from_utf8(name)
            .map_err(|_| Fault::Corrupt("a header's name that is no text"))?;
        pairs.push((name.to_owned(), value.clone()));
    }
    Ok(Headers::new(pairs))
}

/// A settlement as the columns `settlement`, `reference` and `detail`. Its time is the change's
/// own and stands in `at`.
pub(crate) struct SettlementColumns<'a> {
    pub(crate) settlement: i64,
    pub(crate) reference: Option<&'a str>,
    pub(crate) detail: Value,
}

/// The columns of a settlement; `seal` seals a cause.
pub(crate) fn settlement_columns<'a>(
    settlement: &'a Settlement,
    seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, Fault>,
) -> Result<SettlementColumns<'a>, Fault> {
    let (settlement, reference, detail) = match settlement {
        Settlement::Received => (0, None, Value::Null),
        Settlement::Processing { execution, .. } => (1, Some(execution.as_str()), Value::Null),
        Settlement::Completed {
            transaction_id,
            processed_at,
            ..
        } => (
            2,
            Some(transaction_id.as_str()),
            Value::Integer(processed_at.as_millis()),
        ),
        Settlement::Failed { error, cause, .. } => (
            3,
            Some(error.as_str()),
            Value::Blob(seal(cause.as_bytes())?),
        ),
    };
    Ok(SettlementColumns {
        settlement,
        reference,
        detail,
    })
}

/// A settlement as its columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptSettlement {
    /// It can be read.
    Open(Settlement),
    /// A failure whose cause is sealed.
    Sealed {
        /// The error's name.
        error: String,
        /// The sealed cause.
        cause: Vec<u8>,
    },
}

/// The settlement in the columns `settlement`, `reference`, `detail` and `at`.
pub(crate) fn settlement(
    code: i64,
    reference: Option<String>,
    detail: ValueRef<'_>,
    at: Timestamp,
) -> Result<KeptSettlement, Fault> {
    let settlement = match (code, reference, detail) {
        (0, None, ValueRef::Null) => Settlement::Received,
        (1, Some(execution), ValueRef::Null) => Settlement::Processing {
            execution,
            updated_at: at,
        },
        (2, Some(transaction_id), ValueRef::Integer(millis)) => Settlement::Completed {
            transaction_id,
            processed_at: Timestamp::from_millis(millis),
            updated_at: at,
        },
        (3, Some(error), ValueRef::Text(cause)) => Settlement::Failed {
            error,
            cause: String::from_utf8_lossy(cause).into_owned(),
            updated_at: at,
        },
        (3, Some(error), ValueRef::Blob(cause)) => {
            let cause = cause.to_vec();
            return Ok(KeptSettlement::Sealed { error, cause });
        }
        (_, _, _) => return Err(Fault::Corrupt("a settlement that is none")),
    };
    Ok(KeptSettlement::Open(settlement))
}

/// An execution's status as a column. The number of `Succeeded` stands in an index of the
/// schema.
pub(crate) const fn status_code(status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Running => 0,
        ExecutionStatus::Succeeded => 1,
        ExecutionStatus::Failed => 2,
        ExecutionStatus::TimedOut => 3,
        ExecutionStatus::Aborted => 4,
    }
}

/// The status in a column.
pub(crate) fn status(code: i64) -> Result<ExecutionStatus, Fault> {
    let all = [
        ExecutionStatus::Running,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
    ];
    let found = all.into_iter().find(|each| status_code(*each) == code);
    found.ok_or(Fault::Corrupt("an execution's status that is none"))
}

/// A meaning as a column; nothing for the generic source.
pub(crate) fn meaning_column(meaning: Option<&Meaning>) -> Option<String> {
    // A struct of texts and numbers always becomes JSON.
    meaning.and_then(|meaning| serde_json::to_string(meaning).ok())
}

/// The meaning in a column.
pub(crate) fn meaning(column: ValueRef<'_>) -> Result<Option<Meaning>, Fault> {
    match column {
        ValueRef::Null => Ok(None),
        ValueRef::Text(text) => serde_json::from_slice(text)
            .map(Some)
            .map_err(|_| Fault::Corrupt("a meaning that is none")),
        ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
            Err(Fault::Corrupt("a meaning that is no text"))
        }
    }
}

/// Who vouches, as a column. Nothing means what it did before there was another way.
pub(crate) const fn vouched_code(vouched: Vouched) -> Option<i64> {
    match vouched {
        Vouched::Verified => None,
        Vouched::Authenticated => Some(1),
        Vouched::Fetched => Some(2),
    }
}

/// Who vouches, by the column.
pub(crate) fn vouched(code: Option<i64>) -> Result<Vouched, Fault> {
    let all = [Vouched::Verified, Vouched::Authenticated, Vouched::Fetched];
    let found = all.into_iter().find(|each| vouched_code(*each) == code);
    found.ok_or(Fault::Corrupt("a proof that is none"))
}

/// An anomaly as a column.
pub(crate) const fn anomaly_code(anomaly: Anomaly) -> i64 {
    match anomaly {
        Anomaly::Tie => 0,
        Anomaly::CaptureFailed => 1,
        Anomaly::CurrencyDiffers => 2,
        Anomaly::RefundExceedsPayment => 3,
        Anomaly::SumOutOfRange => 4,
        Anomaly::AmountDiffers => 5,
        Anomaly::Late => 6,
        Anomaly::Conflict => 7,
    }
}

/// The anomaly in a column.
pub(crate) fn anomaly(code: i64) -> Result<Anomaly, Fault> {
    let found = Anomaly::ALL
        .into_iter()
        .find(|each| anomaly_code(*each) == code);
    found.ok_or(Fault::Corrupt("an anomaly that is none"))
}

/// A quarantine's reason as a column.
pub(crate) const fn reason_code(reason: QuarantineReason) -> i64 {
    match reason {
        QuarantineReason::SignatureMissing => 0,
        QuarantineReason::SignatureRepeated => 1,
        QuarantineReason::SignatureMalformed => 2,
        QuarantineReason::SignatureMismatch => 3,
        QuarantineReason::MalformedJson => 4,
        QuarantineReason::MissingField => 5,
        QuarantineReason::InvalidValue => 6,
        QuarantineReason::SignatureExpired => 7,
        QuarantineReason::CertificateUntrusted => 8,
        QuarantineReason::NotVerified => 9,
        QuarantineReason::MustFetch => 10,
        QuarantineReason::UnknownToProvider => 11,
        QuarantineReason::CardData => 12,
    }
}

/// The reason in a column.
pub(crate) fn reason(code: i64) -> Result<QuarantineReason, Fault> {
    let mut all = QuarantineReason::ALL.into_iter();
    let found = all.find(|each| reason_code(*each) == code);
    found.ok_or(Fault::Corrupt("a quarantine's reason that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_whatever_its_length() {
        for lengths in [
            &[][..],
            &[0],
            &[1, 0, 127],
            &[128, 129],
            &[16_383, 16_384, 70_000],
        ] {
            let parts: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![7; length]).collect();
            let packed = pack(parts.iter().map(Vec::as_slice));
            assert_eq!(unpack(&packed).unwrap(), parts, "{lengths:?}");
            if !packed.is_empty() && lengths != [0] {
                assert!(unpack(&packed[..packed.len() - 1]).is_err(), "{lengths:?}");
            }
        }
    }

    #[test]
    fn statuses_and_reasons_survive_their_columns() {
        for code in 0..5 {
            assert_eq!(status_code(status(code).unwrap()), code);
        }
        for code in 0..8 {
            assert_eq!(anomaly_code(anomaly(code).unwrap()), code);
        }
        for code in [None, Some(1), Some(2)] {
            assert_eq!(vouched_code(vouched(code).unwrap()), code);
        }
        for code in 0..13 {
            assert_eq!(reason_code(reason(code).unwrap()), code);
        }
        assert!(status(5).is_err() && reason(13).is_err());
        assert!(anomaly(8).is_err() && vouched(Some(0)).is_err());
    }
}
