//! Webhooks that are only hints: the truth is what the provider's own API says, and nothing is kept
//! while it cannot be asked.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use domain::providers::ProviderId;
use domain::signature::Draft;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::home::Home;
use crate::support::provider::{secret, signed};
use crate::support::server::Server;
use crate::support::stand_in::StandIn;
use crate::support::webhook::Webhook;

/// A provider's API that knows one payment, or answers with a status only.
struct Api {
    stand_in: StandIn,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Api {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new((404, r#"{"status":404}"#.to_owned())));
        let said = Arc::clone(&answer);
        let stand_in = StandIn::start(move |_| said.lock().unwrap().clone()).await;
        Self { stand_in, answer }
    }

    fn says(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    /// The paths that were asked for, each with the right token.
    fn asked(&self) -> Vec<String> {
        let heard = self.stand_in.heard().into_iter();
        heard
            .map(|one| {
                assert_eq!(one.header("authorization"), "Bearer a-token");
                assert_eq!(one.query, "");
                one.path
            })
            .collect()
    }
}

fn api_config(name: &str, base_url: &str) -> String {
    format!(
        "[sources.{name}.api]
         base_url = '{base_url}'
         token = {{ value = 'a-token', in_clear = true }}\n"
    )
}

fn mollie(base_url: &str) -> Home {
    let source = "[sources.mollie]\nprovider = 'mollie-classic'\n";
    Home::new(&(source.to_owned() + &api_config("mollie", base_url)))
}

fn mercado_pago(base_url: &str) -> Home {
    let id = ProviderId::MercadoPago;
    let (name, secret) = (id.name(), secret(id));
    let source = format!(
        "[sources.{name}]
         provider = '{name}'
         secrets = [{{ value = '{secret}', in_clear = true, label = 'main' }}]\n"
    );
    Home::new(&(source + &api_config(name, base_url)))
}

/// What Mollie posts, of which nobody signs a byte.
fn ping(payment: &str) -> Webhook {
    Webhook::unsigned(format!("id={payment}"))
        .to("/webhooks/mollie")
        .with("content-type", "application/x-www-form-urlencoded")
}

fn mollie_payment(refunded: &str) -> Value {
    let euro = |value: &str| json!({"value": value, "currency": "EUR"});
    json!({
        "resource": "payment", "id": "tr_1", "mode": "test", "status": "paid",
        "createdAt": "2026-11-25T10:00:00+00:00", "paidAt": "2026-11-25T10:01:00+00:00",
        "amount": euro("10.00"), "amountRefunded": euro(refunded),
    })
}

/// Mercado Pago's ping, signed over the query's id and not over the body.
fn signed_ping(payment: &str) -> Webhook {
    let body = json!({"action": "payment.updated", "type": "payment", "data": {"id": payment}});
    let draft = Draft {
        headers: vec![("x-request-id".to_owned(), "request-1".to_owned())],
        query: Some(format!("data.id={payment}&type=payment")),
        body: body.to_string().into(),
        id: String::new(),
    };
    signed(ProviderId::MercadoPago, draft)
}

async fn counts(server: &Server) -> [u64; 2] {
    let counts = server.api("counts").await;
    ["events", "quarantined"].map(|name| counts[name].as_u64().unwrap())
}

fn is_unavailable(answer: &Answer) {
    answer.refuses(
        503,
        "provider_unavailable",
        "Cannot ask the provider now, try again",
    );
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_becomes_the_state_that_the_api_tells_once_for_each_state() {
    let api = Api::start().await;
    let home = mollie(&api.stand_in.url());
    let server = Server::start(&home);
    api.says(200, &mollie_payment("0.00"));
    server.send(&ping("tr_1")).await.accepts("stored");
    let paid = server.event_at_rest("mollie%2Ftr_1:paid").await;
    assert_eq!(paid["vouched"], "fetched");
    for (field, value) in [
        ("paymentId", "tr_1"),
        ("amount", "10"),
        ("currency", "EUR"),
        ("provider", "mollie-classic"),
        ("status", "completed"),
    ] {
        assert_eq!(paid["event"][field], value, "{field}");
    }
    assert_eq!(paid["event"]["meaning"]["state"], "captured");
    // The answer is the body; what was posted stands beside it.
    let shown = home
        .run("--json events show mollie/tr_1:paid --body")
        .json(0);
    let body: Value = serde_json::from_str(shown["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, mollie_payment("0.00"));

    // The same state again, in other words.
    let mut same = mollie_payment("0.00");
    same["description"] = "changed".into();
    api.says(200, &same);
    server.send(&ping("tr_1")).await.accepts("duplicate");

    api.says(200, &mollie_payment("4.00"));
    server.send(&ping("tr_1")).await.accepts("stored");
    server.send(&ping("tr_1")).await.accepts("duplicate");
    let payment = &home.run("--json payments show tr_1").json(0)[0];
    let standing = ["status", "amount", "refunded"].map(|name| payment[name].clone());
    assert_eq!(standing, ["partially_refunded", "10.00 EUR", "4.00 EUR"]);
    assert_eq!(counts(&server).await, [2, 0]);
    assert_eq!(api.asked(), ["/v2/payments/tr_1"; 4]);
    let found = r#"payhook_truth_fetches_total{source="mollie",result="found"}"#;
    server.counts(found, 4.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_does_not_know_is_refused_and_kept_apart() {
    let api = Api::start().await;
    let home = mollie(&api.stand_in.url());
    let server = Server::start(&home);
    let unknown = |answer: Answer| answer.refuses(404, "unknown_to_provider", "No such payment");
    unknown(server.send(&ping("tr_1")).await);
    assert_eq!(api.asked(), ["/v2/payments/tr_1"]);
    // What can be no payment is not even asked for.
    for other in ["../tr_1", "ord_1", "tr_1%2F..", "tr_1&id=tr_2", ""] {
        unknown(server.send(&ping(other)).await);
    }
    assert_eq!(api.asked().len(), 1);
    assert_eq!(counts(&server).await, [0, 6]);
    let list = home.run("--json quarantine list").json(0);
    let reasons: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["reason"])
        .collect();
    assert!(
        reasons
            .iter()
            .all(|reason| **reason == "unknown_to_provider"),
        "{list}"
    );
    // Once the provider knows it, it is let in.
    api.says(200, &mollie_payment("0.00"));
    let promoted = home.run("--json quarantine promote 1").json(0);
    assert_eq!(promoted["outcomes"], json!(["stored"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_cannot_be_asked_nothing_is_kept_and_the_sender_comes_again() {
    let api = Api::start().await;
    let home = mollie(&api.stand_in.url());
    let server = Server::start(&home);
    for (status, body) in [
        (500, json!({})),
        (503, json!({})),
        (429, json!({})),
        (401, json!({"title": "Unauthorized"})),
        (302, json!({})),
        (200, json!([])),
    ] {
        api.says(status, &body);
        is_unavailable(&server.send(&ping("tr_1")).await);
    }
    api.says(200, &mollie_payment("0.00"));
    server.send(&ping("tr_1")).await.accepts("stored");
    drop(api);
    is_unavailable(&server.send(&ping("tr_2")).await);
    assert_eq!(counts(&server).await, [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_stands_in_for_the_api_that_it_is_asked_about() {
    // A port that was free a moment ago, for a listener of the command's own.
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let home = mollie(&format!("http://{address}"));
    let server = Server::start(&home);
    let trigger = format!(
        "--json trigger mollie-classic captured --payment 1a2b --api {address} --duplicate"
    );
    let sent = home.run(&trigger).json(0);
    let outcomes: Vec<&Value> = sent["deliveries"][0]["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| &answer["outcome"])
        .collect();
    assert_eq!(outcomes, ["stored", "duplicate"]);
    let event = server.event_at_rest("mollie%2Ftr_1a2b:paid").await;
    assert_eq!(event["vouched"], "fetched");
    // Without it nobody can be asked.
    let sent = home.run("--json trigger mollie-classic captured").json(1);
    let answer = &sent["deliveries"][0]["answers"][0];
    assert_eq!(answer["outcome"], "provider_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_of_mercado_pago_is_verified_before_anybody_is_asked() {
    let api = Api::start().await;
    let home = mercado_pago(&api.stand_in.url());
    let server = Server::start(&home);
    let genuine = signed_ping("1234567890");
    let mut about_another = genuine.clone();
    about_another.path = genuine.path.replace("1234567890", "1234567891");
    let unsigned = Webhook {
        headers: vec![("x-request-id".to_owned(), "request-1".to_owned())],
        ..genuine.clone()
    };
    let answer = server.send(&about_another).await;
    answer.refuses(401, "signature_invalid", "Invalid webhook signature");
    let answer = server.send(&unsigned).await;
    answer.refuses(400, "signature_missing", "Missing webhook signature");
    assert_eq!(api.asked(), [""; 0]);

    let answer = server.send(&genuine).await;
    answer.refuses(404, "unknown_to_provider", "No such payment");
    api.says(503, &json!({}));
    is_unavailable(&server.send(&genuine).await);
    let payment = |status: &str, refunded: f64| {
        json!({
            "id": 1_234_567_890, "status": status, "status_detail": "accredited",
            "currency_id": "BRL", "transaction_amount": 58.80, "live_mode": false,
            "transaction_amount_refunded": refunded,
            "date_last_updated": "2026-11-25T10:00:00.000-04:00",
        })
    };
    api.says(200, &payment("approved", 0.0));
    server.send(&genuine).await.accepts("stored");
    server.send(&genuine).await.accepts("duplicate");
    let event = server
        .event_at_rest("mercado-pago%2F1234567890:approved")
        .await;
    assert_eq!(event["vouched"], "fetched");
    assert_eq!(event["event"]["meaning"]["state"], "captured");
    api.says(200, &payment("refunded", 58.80));
    server.send(&genuine).await.accepts("stored");
    let payment = &home.run("--json payments show 1234567890").json(0)[0];
    let standing = ["status", "amount", "refunded"].map(|name| payment[name].clone());
    assert_eq!(standing, ["refunded", "58.80 BRL", "58.80 BRL"]);
    assert_eq!(api.asked(), ["/v1/payments/1234567890"; 5]);
}
