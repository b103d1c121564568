//! `payhook providers`, and the document that it writes.

use super::home::Home;

#[test]
fn the_document_is_what_the_verifiers_know() {
    let written = Home::new(&[]).run("providers --markdown");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    let document = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written.stdout, document,
        "docs/providers.md is stale: cargo run -- providers --markdown > docs/providers.md"
    );
}

#[test]
fn one_provider_is_shown_whole_and_a_slip_is_told_the_nearest_name() {
    let home = Home::new(&[]);
    home.run("providers square").says(
        0,
        &[
            "Square (square)",
            "x-square-hmacsha256-signature",
            "{url}{body}",
        ],
    );
    let all = home.run("--json providers").json(0);
    assert!(all.as_array().unwrap().len() > 30);
    home.run("providers strip")
        .says(2, &["did you mean \"stripe\"?"]);
}

#[test]
fn what_there_is_to_trigger_is_listed_and_printed_without_a_server() {
    let home = Home::new(&[]);
    home.run("trigger adyen")
        .says(0, &["captured", "CAPTURE", "CHARGEBACK"]);
    home.run("trigger stripe nonsense --secret x").says(
        2,
        &[
            "Stripe has no event \"nonsense\"",
            "payment_intent.succeeded",
        ],
    );
    home.run("trigger stripe captured --secret whsec_x --payment abc --dry-run")
        .says(
            0,
            &["curl --request POST", "stripe-signature: t=", "pi_abc"],
        );
    home.run("trigger square captured --secret x")
        .says(2, &["square needs `url`"]);
    home.run("trigger square captured --secret x --registered-url https://a.example/w --dry-run")
        .says(0, &["x-square-hmacsha256-signature: "]);
    home.run("trigger wise pending --secret x")
        .says(2, &["a public key in PEM"]);
}
