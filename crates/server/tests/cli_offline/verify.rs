//! `payhook verify`.

use serde_json::{Value, json};

use super::home::{Ended, Home};

const BODY: &str = r#"{"paymentId":"pay_1","amount":99.99,"currency":"EUR","status":"paid","provider":"stripe","eventId":"e1"}"#;

// Made with `openssl dgst -sha256 -hmac`, the secrets being "s3cret" and "bank-key".
const SIGNATURE: &str = "1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8";
const SIGNATURE_BASE64: &str = "Hpcu+J6Uw4DufS9rqZGnaBVuNcOOtiCmM3jWI0qfkug=";
const SIGNATURE_OF_BANK: &str = "8639eda7840e200be02cf4c1c269564c5cedad2fbb01e15f330f589b70dc55ce";
/// Of `{"amount":1}`.
const SIGNATURE_OF_UNREADABLE: &str =
    "7690bca469492fbac58783a89c34215494db027a95828802fa1dea914a54e01a";

const CONFIG: &str = r#"
[sources.generic]
secrets = [{ file = "secret", label = "new" }, { file = "old", label = "old", retires_at = "2026-01-01T00:00:00Z" }]
[sources.bank]
secrets = [{ file = "bank" }]
[sources.unset]
secrets = [{ env = "NOT_SET" }]
"#;

fn home() -> Home {
    Home::new(&[
        ("payhook.toml", CONFIG),
        ("secret", "s3cret\n"),
        ("old", "old-key"),
        ("bank", "bank-key"),
        ("body.json", BODY),
        ("edited.json", &format!("{BODY}\n")),
        ("unreadable.json", r#"{"amount":1}"#),
        ("long.json", &"1".repeat(65_537)),
    ])
}

fn verify(arguments: &str) -> Ended {
    home().run(&format!("--config payhook.toml verify {arguments}"))
}

fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|each| each["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_right_signature_is_accepted_and_the_body_is_read() {
    let arguments = format!("--body body.json --signature {SIGNATURE} --at 2026-11-23T10:00:00Z");
    verify(&arguments).says(
        0,
        &[
            "accepted: signed with secret \"new\" of source \"generic\".",
            "payment    pay_1\n",
            "amount     99.99 EUR\n",
            "event key  generic/e1\n",
            "judged at  2026-11-23T10:00:00.000Z\n",
        ],
    );
    let report = verify(&format!("--json {arguments}")).json(0);
    assert_eq!(
        report,
        json!({
            "accepted": true,
            "verified": true,
            "proof": "verified",
            "source": "generic",
            "secret": "new",
            "receivedAt": "2026-11-23T10:00:00.000Z",
            "bodyBytes": BODY.len(),
            "bodySha256": "bb593c90d73ed56f1400071baeafa6f1b68f45abd9c0680ec0d446c6587bffab",
            "events": [{
                "paymentId": "pay_1",
                "amount": "99.99",
                "currency": "EUR",
                "status": "paid",
                "provider": "stripe",
                "eventKey": "generic/e1",
                "executionName": report["events"][0]["executionName"],
            }],
        })
    );
}

#[test]
fn what_is_wrong_is_told_by_its_code_and_ends_with_1() {
    for (arguments, refusal, findings) in [
        (
            "--body body.json",
            "signature_missing",
            &["header_absent"][..],
        ),
        (
            "--body edited.json --signature 1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8",
            "signature_mismatch",
            &["body_changed"],
        ),
        (
            "--body body.json -H x-webhook-signature:8639eda7840e200be02cf4c1c269564c5cedad2fbb01e15f330f589b70dc55ce",
            "signature_mismatch",
            &["secret_of_other_source"],
        ),
        (
            "--source bank --body body.json --signature 1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8",
            "signature_mismatch",
            &["secret_of_other_source"],
        ),
        (
            "--body body.json --signature Hpcu+J6Uw4DufS9rqZGnaBVuNcOOtiCmM3jWI0qfkug=",
            "signature_malformed",
            &["header_malformed", "other_encoding"],
        ),
        (
            "--body body.json -H X-Other:1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8",
            "signature_missing",
            &["header_absent", "other_header"],
        ),
        (
            "--body body.json --signature 1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8 -H X-Webhook-Signature:1e972ef89e94c380ee7d2f6ba991a768156e35c38eb620a63378d6234a9f92e8",
            "signature_repeated",
            &["header_repeated", "one_of_them_matches"],
        ),
    ] {
        let report = verify(&format!("--json {arguments}")).json(1);
        assert_eq!(report["accepted"], false);
        assert_eq!(report["refusal"]["code"], refusal, "{arguments}");
        assert_eq!(codes(&report), findings, "{arguments}");
    }
}

#[test]
fn a_secret_is_judged_at_the_time_that_is_given() {
    let home = home();
    let run = |at: &str| {
        // "old-key" signs an empty object.
        let signature = "fc0e1527be13ad57f67815bee5586048cdc9b86d3785e5d1b9f633aa8b5cc91d";
        let arguments = [
            "verify",
            "--json",
            "--body",
            "-",
            "--signature",
            signature,
            "--at",
            at,
        ];
        home.run_with(&arguments, &[("PAYHOOK_CONFIG", "payhook.toml")], "{}")
    };
    let report = run("2025-12-31T23:59:59.999Z").json(1);
    assert_eq!(report["verified"], true);
    assert_eq!(report["refusal"]["code"], "missing_field");
    let report = run("2026-01-01T00:00:00Z").json(1);
    assert_eq!(report["verified"], false);
    assert_eq!(codes(&report), ["secret_retired"]);
}

#[test]
fn a_signed_body_that_makes_no_sense_is_refused_and_a_long_one_is_not_even_judged() {
    let arguments = format!("--body unreadable.json --signature {SIGNATURE_OF_UNREADABLE}");
    verify(&arguments).says(
        1,
        &["the body is refused: Missing required field: paymentId."],
    );
    verify("--body long.json").says(1, &["longer than server.body_bytes_max = 65536"]);
}

#[test]
fn neither_secrets_nor_the_right_signature_are_ever_printed() {
    let wrong = "0".repeat(64);
    for arguments in [
        format!("--body body.json --signature {wrong}"),
        format!("--json --body body.json --signature {wrong}"),
        format!("--source bank --body body.json --signature {SIGNATURE_OF_BANK}"),
        "--body body.json --signature s3cret".to_owned(),
    ] {
        let ended = verify(&arguments);
        let printed = format!("{}{}", ended.stdout, ended.stderr);
        for hidden in [
            "s3cret",
            "bank-key",
            "old-key",
            SIGNATURE,
            SIGNATURE_BASE64,
            SIGNATURE_OF_BANK,
        ] {
            assert!(!printed.contains(hidden), "{hidden} in {printed}");
        }
    }
}

#[test]
fn a_secret_can_be_named_without_a_configuration() {
    let home = home();
    let run = |arguments: &str| {
        let arguments = format!("verify --body body.json --signature {SIGNATURE} {arguments}");
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        home.run_with(&arguments, &[("SHOP_SECRET", "s3cret")], "")
    };
    run("--secret-env SHOP_SECRET").says(0, &["with secret \"SHOP_SECRET\""]);
    run("--secret-file secret").says(0, &["with secret \"secret\""]);
    run("--secret s3cret --source shop").says(0, &["with secret \"given\" of source \"shop\""]);
    run("--dev").says(1, &["None of"]);
    run("--secret-env OTHER").says(2, &["environment variable OTHER is not set"]);
    run("--secret-env A --secret-file b").says(2, &["cannot be used with"]);
    run("").says(2, &["--secret-env VARIABLE"]);
    run("--secret-file secret --encoding base64").says(1, &["Set `encoding = \"hex\"`"]);
    run("--secret-file secret --signature-header X-Hub").says(0, &["accepted"]);
}

#[test]
fn the_environment_is_a_source_as_it_is_for_the_server() {
    let arguments = ["verify", "--body", "body.json", "--signature", SIGNATURE];
    home()
        .run_with(&arguments, &[("PAYHOOK_SECRET", "s3cret")], "")
        .says(0, &["accepted"]);
}

#[test]
fn a_captured_request_is_taken_apart() {
    let length = BODY.len();
    let request = format!(
        "POST /webhooks HTTP/1.1\r\nX-Webhook-Signature: {SIGNATURE}\r\nContent-Length: {length}\r\n\r\n{BODY}\n"
    );
    let home = Home::new(&[("request.txt", &request), ("s", "s3cret"), ("nothing", "x")]);
    home.run("verify --secret-file s --request request.txt")
        .says(0, &["payment    pay_1", "note: 1 bytes after"]);
    home.run("verify --secret-file s --request nothing")
        .says(2, &["nothing is no HTTP request"]);
}

#[test]
fn what_cannot_be_done_ends_with_2_and_says_what_to_do() {
    for (arguments, text) in [
        ("", "--body <FILE>"),
        ("--body no-such-file", "cannot read no-such-file"),
        ("--body body.json -H nonsense", "give 'Name: value'"),
        ("--body body.json --at noon", "give one such as"),
        (
            "--body body.json --source shop",
            "it has bank, generic, unset",
        ),
        (
            "--body body.json --source shop --secret-file secret",
            "it has bank, generic, unset",
        ),
        (
            "--body body.json --source unset",
            "environment variable NOT_SET is not set",
        ),
    ] {
        verify(arguments).says(2, &[text]);
    }
    let ended = verify("--json --body body.json --source shop");
    assert_eq!(ended.code, 2);
    let error: Value = serde_json::from_str(&ended.stderr).unwrap();
    assert!(error["error"].is_string(), "{error}");
}

/// The words of a command, of which some stand in single quotes.
fn words(command: &str) -> Vec<String> {
    let plain = command.replace("\\\n", " ");
    let pieces = plain.split('\'').enumerate();
    pieces
        .flat_map(|(place, piece)| match place % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

#[test]
fn the_notification_in_the_documentation_verifies_as_it_says() {
    let page = include_str!("../../../../docs/notifications.md");
    let body = page.lines().find(|line| line.starts_with("{\"type\":"));
    let (_, command) = page.split_once("```sh\npayhook ").unwrap();
    let (command, _) = command.split_once("```").unwrap();
    let words = words(command);
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    for (body, code) in [(body.unwrap(), 0), ("{}", 1)] {
        let home = Home::new(&[("body.json", body)]);
        let ended = home.run_with(&arguments, &[], "");
        assert_eq!(ended.code, code, "{ended:?}");
    }
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let shown = page.lines().find(|line| line.starts_with(header)).unwrap();
        assert!(words.iter().any(|word| word == shown), "{shown}");
    }
}
