//! A table that a payments person can read, and the property that order means nothing.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::event::EventId;
use crate::source::SourceName;

const LENIENT: PaymentRules = PaymentRules {
    may_succeed_after_failure: true,
    may_succeed_after_end: false,
};

/// `captured 10`, `refund r1 succeeded 4`, `total 4`, `dispute d1 open 5`, `capture_failed c1`,
/// `captured 10 c1`.
fn event(number: usize, text: &str) -> (EventKey, Meaning) {
    let words: Vec<&str> = text.split(' ').collect();
    let units = |word: &str| word.parse().ok();
    let (fact, operation, units) = match words[..] {
        ["refund", id, outcome, sum] => (
            Fact::Refund {
                outcome: match outcome {
                    "pending" => RefundOutcome::Pending,
                    "succeeded" => RefundOutcome::Succeeded,
                    _ => RefundOutcome::Failed,
                },
            },
            Some(id),
            units(sum),
        ),
        ["total", sum] => (Fact::RefundedTotal, None, units(sum)),
        ["dispute", id, outcome, sum] => (
            Fact::Dispute {
                outcome: match outcome {
                    "open" => DisputeOutcome::Open,
                    "won" => DisputeOutcome::Won,
                    _ => DisputeOutcome::Lost,
                },
            },
            Some(id),
            units(sum),
        ),
        ["capture_failed", id] => (Fact::CaptureFailed, Some(id), None),
        ["other"] => (Fact::Other, None, None),
        [status, sum] => (payment(status), None, units(sum)),
        [status, sum, id] => (payment(status), Some(id), units(sum)),
        _ => (payment(text), None, None),
    };
    let meaning = Meaning {
        event_type: text.into(),
        fact,
        operation: operation.map(Into::into),
        money: units.map(|units| MinorUnits {
            units,
            exponent: 2,
            is_providers_own: false,
        }),
        occurred_at: None,
        live: None,
        account: None,
        by_content: false,
    };
    let key = EventKey {
        source: SourceName::generic(),
        id: EventId::Provider(format!("{number:03} {text}")),
    };
    (key, meaning)
}

fn payment(word: &str) -> Fact {
    Fact::Payment {
        status: PaymentStatus::parse(word).unwrap(),
    }
}

fn shown(payment: &Payment) -> String {
    let sum = |sum: &Option<Sum>| {
        sum.as_ref()
            .map_or("-".into(), |sum| format!("{}", sum.units))
    };
    let anomalies: Vec<&str> = payment.anomalies.iter().map(|each| each.as_str()).collect();
    format!(
        "{} {} {} {} {}",
        payment.status.map_or("-", PaymentStatus::as_str),
        sum(&payment.amount),
        sum(&payment.refunded),
        sum(&payment.disputed),
        anomalies.join(",")
    )
}

fn told(events: &[(EventKey, Meaning)]) -> impl Iterator<Item = Told<'_>> {
    events.iter().map(|(key, meaning)| Told {
        key,
        meaning,
        currency: "EUR",
    })
}

#[test]
fn a_payment_is_where_the_highest_rank_says() {
    for row in [
        "                                                            | - - - - ",
        "other                                                       | - - - - ",
        "created 10                                                  | created 10 - - ",
        "pending 10; created 10                                      | pending 10 - - ",
        "authorized 10; captured 10                                  | captured 10 - - ",
        "captured 10; authorized 12                                  | captured 10 - - ",
        "captured 10; pending 10                                     | captured 10 - - ",
        "captured 10; failed 10                                      | captured 10 - - tie",
        "failed 10; canceled 10                                      | canceled 10 - - tie",
        "captured 10 c1; captured 12 c2; refund r1 succeeded 10      | partially_refunded 22 10 - ",
        "captured 10; captured 12                                    | captured 12 - - amount_differs",
        "captured 10; refund r1 pending 4                            | captured 10 - - ",
        "captured 10; refund r1 succeeded 4                          | partially_refunded 10 4 - ",
        "captured 10; refund r1 succeeded 4; refund r1 succeeded 4   | partially_refunded 10 4 - ",
        "captured 10; refund r1 succeeded 4; refund r2 succeeded 6   | refunded 10 10 - ",
        "captured 10; refund r1 succeeded 4; refund r1 failed 4      | captured 10 - - ",
        "captured 10; refund r1 succeeded 11                         | refunded 10 11 - refund_exceeds_payment",
        "captured 10; total 4; total 10                              | refunded 10 10 - ",
        "captured 10; total 4; refund r1 succeeded 4                 | partially_refunded 10 4 - ",
        "refund r1 succeeded 4                                       | partially_refunded - 4 - ",
        "captured 10; dispute d1 open 10                             | disputed 10 - 10 ",
        "captured 10; dispute d1 open 10; dispute d1 won 10          | dispute_won 10 - - ",
        "captured 10; dispute d1 open 10; dispute d1 lost 10         | dispute_lost 10 - 10 ",
        "captured 10; dispute d1 won 10; dispute d2 open 3           | disputed 10 - 3 ",
        "captured 10; dispute d1 won 10; dispute d1 lost 10          | dispute_lost 10 - 10 tie",
        "captured 10; refund r1 succeeded 10; dispute d1 open 10     | disputed 10 10 10 ",
        "authorized 10; captured 10 c1; capture_failed c1            | failed 10 - - capture_failed",
        "captured 10 c1; captured 10 c2; capture_failed c1           | captured 10 - - capture_failed",
        "captured 9223372036854775807; refund r1 succeeded 9223372036854775807; refund r2 succeeded 1 | refunded 9223372036854775807 9223372036854775807 - sum_out_of_range",
    ] {
        let (given, expected) = row.split_once('|').unwrap();
        let events: Vec<_> = given
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .enumerate()
            .map(|(number, text)| event(number, text))
            .collect();
        let found = shown(&project(PaymentRules::STRICT, told(&events)));
        assert_eq!(found.trim(), expected.trim(), "{given}");
    }
}

#[test]
fn a_provider_whose_payments_are_tried_again_knows_no_tie() {
    let events = [event(0, "failed 10"), event(1, "captured 10")];
    let found = shown(&project(LENIENT, told(&events)));
    assert_eq!(found, "captured 10 - - ");
}

#[test]
fn what_arrives_late_says_so_and_what_arrives_again_says_nothing() {
    let known = [event(0, "captured 10")];
    let known: Vec<_> = told(&known).collect();
    let (key, meaning) = event(1, "authorized 10");
    let late = Told {
        key: &key,
        meaning: &meaning,
        currency: "EUR",
    };
    assert_eq!(
        anomalies_of(PaymentRules::STRICT, &known, late),
        [Anomaly::Late]
    );
    assert_eq!(anomalies_of(PaymentRules::STRICT, &known, known[0]), []);
    let other_currency = Told {
        currency: "USD",
        ..late
    };
    assert_eq!(
        anomalies_of(PaymentRules::STRICT, &known, other_currency),
        [Anomaly::CurrencyDiffers, Anomaly::Late]
    );
}

const WORDS: [&str; 18] = [
    "created 10",
    "pending 10",
    "requires_action 10",
    "authorized 10",
    "captured 10",
    "captured 12",
    "captured 10 c1",
    "capture_failed c1",
    "failed 10",
    "canceled 10",
    "expired 10",
    "refund r1 pending 4",
    "refund r1 succeeded 4",
    "refund r1 failed 4",
    "refund r2 succeeded 6",
    "total 10",
    "dispute d1 open 5",
    "dispute d1 lost 5",
];

proptest! {
    #[test]
    fn any_order_and_repetition_ends_in_the_same_payment(
        chosen in proptest::collection::vec(0..WORDS.len(), 0..9),
        seed in any::<u64>(),
        lenient: bool,
    ) {
        let rules = if lenient { LENIENT } else { PaymentRules::STRICT };
        let events: Vec<_> = chosen.iter().enumerate()
            .map(|(number, index)| event(number, WORDS[*index])).collect();
        let expected = project(rules, told(&events));
        let mut mixed = events.clone();
        mixed.extend(events.iter().take(3).cloned());
        let mut state = seed | 1;
        for index in (1..mixed.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            mixed.swap(index, usize::try_from(state >> 33).unwrap().checked_rem(index.saturating_add(1)).unwrap());
        }
        prop_assert_eq!(project(rules, told(&mixed)), expected);
    }

    #[test]
    fn a_payment_only_moves_forward(
        chosen in proptest::collection::vec(0..WORDS.len(), 1..9),
    ) {
        let events: Vec<_> = chosen.iter().enumerate()
            .map(|(number, index)| event(number, WORDS[*index])).collect();
        // A refund that came back and a capture that failed are the two ways back there are.
        // So is a further capture.
        let captures = |index: &usize| WORDS[*index].starts_with("captured");
        prop_assume!(chosen.iter().filter(|index| captures(index)).collect::<alloc::collections::BTreeSet<_>>().len() < 2);
        prop_assume!(!chosen.iter().any(|index| WORDS[*index].contains("failed ") || WORDS[*index].starts_with("capture_failed")));
        let mut rank = 0;
        for end in 1..=events.len() {
            let status = project(PaymentRules::STRICT, told(&events[..end])).status;
            let now = status.map_or(0, PaymentStatus::rank);
            prop_assert!(now >= rank, "{:?}", &events[..end]);
            rank = now;
        }
    }
}
