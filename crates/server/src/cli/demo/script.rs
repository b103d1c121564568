//! What the demo sends, and how each of it must end.

use serde::Serialize;
use serde_json::{Value, json};

/// One delivery of the demo.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// What it shows.
    pub(super) title: &'static str,
    /// Its body, exactly.
    pub(super) body: String,
    /// How it is signed.
    pub(super) signing: Signing,
    /// When it is sent.
    pub(super) moment: Moment,
    /// How it must be answered: the status, and `x-payhook-outcome` or the error's code.
    pub(super) answer: (u16, &'static str),
    /// How its event must end.
    pub(super) end: End,
    /// Why it ends so, for the reader.
    pub(super) why: &'static str,
}

/// How a delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// With the source's secret.
    Genuine,
    /// With another secret: somebody pretends.
    Forged,
    /// Not at all.
    Unsigned,
}

/// When a delivery is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// While the server runs.
    Running,
    /// Just before the server is killed.
    BeforeTheKill,
    /// While there is no server: the sender tries until there is one.
    WhileDead,
    /// When it runs again. A script of the simulated gateway begins anew with each process, so
    /// what depends on how often it is asked must not be killed half-way.
    Restarted,
}

/// How the event of a delivery must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "as")]
pub(super) enum End {
    /// Settled by the gateway, after so many attempts at least.
    Completed {
        /// Fewest attempts.
        attempts: u32,
    },
    /// Failed, its error recorded, after so many attempts.
    Failed {
        /// Fewest attempts.
        attempts: u32,
        /// The error on record.
        error: &'static str,
    },
    /// There is no event of its own: the one with this key was kept before.
    SameAsFirst,
    /// There is no event: it was refused, and kept apart where somebody could want it.
    Refused,
}

impl Delivery {
    /// The key of its event.
    pub(super) fn event_key(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        Some(format!("generic/{}", body.get("eventId")?.as_str()?))
    }

    /// The payment it is about.
    pub(super) fn payment_id(&self) -> String {
        serde_json::from_str::<Value>(&self.body)
            .ok()
            .and_then(|body| Some(body.get("paymentId")?.as_str()?.to_owned()))
            .unwrap_or_default()
    }
}

/// Payments whose gateway calls follow a script, and the script.
pub(super) fn gateway_scripts() -> Value {
    json!({
        "pay_flaky": ["fail", "fail", "settle"],
        "pay_lost": ["lose-answer", "settle"],
        "pay_down": ["fail"],
        "pay_declined": ["decline"],
    })
}

/// Everything that is sent, in order.
pub(super) fn deliveries() -> Vec<Delivery> {
    let mut all = genuine();
    all.extend(troubled());
    all.extend(refused());
    all.extend(crashed());
    all.extend(after_the_crash());
    all
}

/// The two that are sent around the crash.
pub(super) fn around_the_crash(deliveries: &[Delivery]) -> (&Delivery, &Delivery) {
    let at = |moment| {
        deliveries
            .iter()
            .position(|delivery| delivery.moment == moment)
            .unwrap_or_default()
    };
    (
        &deliveries[at(Moment::BeforeTheKill)],
        &deliveries[at(Moment::WhileDead)],
    )
}

const SETTLED: End = End::Completed { attempts: 1 };

fn genuine() -> Vec<Delivery> {
    let first = body("pay_coffee", "4.50", "EUR", "evt_1");
    vec![
        delivery(
            "a payment",
            first.clone(),
            (200, "stored"),
            SETTLED,
            "settled at the first try",
        ),
        delivery(
            "the same webhook again",
            first,
            (200, "duplicate"),
            End::SameAsFirst,
            "same event key, same bytes: the first answer again, nothing runs twice",
        ),
        delivery(
            "the same event with another amount",
            body("pay_coffee", "45.00", "EUR", "evt_1"),
            (200, "conflict"),
            End::SameAsFirst,
            "same event key, other bytes: kept beside the first for a person to see",
        ),
        delivery(
            "a payment in yen",
            body("pay_sushi", "1200", "JPY", "evt_2"),
            (200, "stored"),
            SETTLED,
            "no minor unit, no float",
        ),
    ]
}

fn troubled() -> Vec<Delivery> {
    vec![
        delivery(
            "the gateway's answer is lost",
            body("pay_lost", "250.00", "USD", "evt_4"),
            (200, "stored"),
            End::Completed { attempts: 2 },
            "asked again with the same idempotency key: one effect",
        ),
        delivery(
            "the gateway is down",
            body("pay_down", "75.00", "USD", "evt_5"),
            (200, "stored"),
            End::Failed {
                attempts: 4,
                error: "GatewayUnavailable",
            },
            "retries are spent: recorded as failed, waiting for a person",
        ),
        delivery(
            "the gateway declines",
            body("pay_declined", "12.00", "USD", "evt_6"),
            (200, "stored"),
            End::Failed {
                attempts: 1,
                error: "PaymentDeclined",
            },
            "a final answer is not asked for again",
        ),
    ]
}

fn refused() -> Vec<Delivery> {
    let refuse = |title, body, answer, why| delivery(title, body, answer, End::Refused, why);
    vec![
        Delivery {
            signing: Signing::Forged,
            ..refuse(
                "a forged webhook",
                body("pay_coffee", "0.01", "EUR", "evt_7"),
                (401, "signature_invalid"),
                "no secret of ours signed it: in quarantine, claims no event key",
            )
        },
        delivery(
            "the genuine one after the forgery",
            body("pay_coffee", "9.00", "EUR", "evt_7"),
            (200, "stored"),
            SETTLED,
            "the forgery has not taken its event key",
        ),
        Delivery {
            signing: Signing::Unsigned,
            ..refuse(
                "an unsigned webhook",
                body("pay_x", "1.00", "EUR", "evt_8"),
                (400, "signature_missing"),
                "nobody vouches for it",
            )
        },
        refuse(
            "signed nonsense",
            "{\"paymentId\": ".to_owned(),
            (400, "malformed_json"),
            "parsed only after its signature proved right, and kept in quarantine",
        ),
        refuse(
            "a negative amount",
            body("pay_x", "-5", "EUR", "evt_9"),
            (422, "invalid_value"),
            "makes no sense, kept in quarantine",
        ),
    ]
}

fn crashed() -> Vec<Delivery> {
    vec![
        Delivery {
            moment: Moment::BeforeTheKill,
            ..delivery(
                "answered, and the server killed at once",
                body("pay_survivor", "500.00", "USD", "evt_10"),
                (200, "stored"),
                SETTLED,
                "200 means durable: the next process has taken it up",
            )
        },
        Delivery {
            moment: Moment::WhileDead,
            ..delivery(
                "sent while there was no server",
                body("pay_patient", "20.00", "USD", "evt_11"),
                (200, "stored"),
                SETTLED,
                "the sender tried again until somebody answered",
            )
        },
    ]
}

fn after_the_crash() -> Vec<Delivery> {
    vec![Delivery {
        moment: Moment::Restarted,
        ..delivery(
            "the gateway fails twice",
            body("pay_flaky", "19.99", "USD", "evt_3"),
            (200, "stored"),
            End::Completed { attempts: 3 },
            "retried with back-off, settled at the third try",
        )
    }]
}

fn delivery(
    title: &'static str,
    body: String,
    answer: (u16, &'static str),
    end: End,
    why: &'static str,
) -> Delivery {
    Delivery {
        title,
        body,
        signing: Signing::Genuine,
        moment: Moment::Running,
        answer,
        end,
        why,
    }
}

fn body(payment: &str, amount: &str, currency: &str, event: &str) -> String {
    format!(
        "{{\"paymentId\":\"{payment}\",\"amount\":{amount},\"currency\":\"{currency}\",\
         \"status\":\"pending\",\"provider\":\"demo\",\"eventId\":\"{event}\"}}"
    )
}
