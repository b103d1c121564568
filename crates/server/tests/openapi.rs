//! The admin API is what its description says: the document is valid OpenAPI, and a server that is
//! asked whatever the document allows, and what it forbids, answers as it says. The testers
//! (openapi-spec-validator and Schemathesis, from PyPI) are in the Python environment that
//! `PAYHOOK_VENV` names, which `cargo xtask test` makes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::webhook::Webhook;

/// How many requests Schemathesis thinks of for each operation and phase, beside those for every rule
/// of the document. They are the same each time: a suite that fails by luck is not looked at.
const EXAMPLES: &str = "60";

/// A tester that leaves what it remembers in `home`: what one run found must not lead the next.
fn tester(home: &Home, name: &str) -> Command {
    let venv = std::env::var_os("PAYHOOK_VENV").expect("`cargo xtask test --suite api` sets it");
    let mut command = Command::new(PathBuf::from(venv).join("bin").join(name));
    command
        .current_dir(home.path())
        .stdin(Stdio::null())
        .env("NO_COLOR", "1");
    command
}

#[track_caller]
fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?}:\n{said}");
}

#[track_caller]
fn document_of(home: &Home) -> PathBuf {
    let printed = home.run("openapi").json(0);
    home.write("openapi.json", &printed.to_string())
}

#[test]
fn the_document_is_valid() {
    let home = Home::new("");
    let mut validator = tester(&home, "openapi-spec-validator");
    validator.arg(document_of(&home));
    succeeds(validator);
}

/// A server with something of everything: settled, failed, refused.
async fn server_with_a_past(home: &Home) -> Server {
    let server = Server::start(home);
    for (payment, event) in [("pay_1", "evt_1"), ("pay_2", "evt_2"), ("pay_no", "evt_3")] {
        let webhook = Webhook::payment(payment, event);
        server.send(&webhook).await.accepts("stored");
        server.event_at_rest(&format!("generic/{event}")).await;
    }
    let forged = Webhook::payment("pay_forged", "evt_forged").signed_with("somebody else's");
    server
        .send(&forged)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");
    server
}

fn schemathesis(home: &Home, document: &Path, server: &Server) -> Command {
    let mut command = tester(home, "schemathesis");
    command
        .args(["run", "--no-color", "--generation-deterministic"])
        .args(["--max-examples", EXAMPLES])
        .arg(document)
        // It has no end, so nobody can wait for it.
        .args(["--exclude-path", "/api/changes/stream"])
        .args(["--url", &format!("http://{}", server.admin)])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", server.token),
        ]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_schemathesis_asks_breaks_the_server_or_its_word() {
    let home = Home::new("gateway.simulated.scripts = { pay_no = ['decline'] }");
    let server = server_with_a_past(&home).await;
    let served = server.api("openapi.json").await;
    let document = document_of(&home);
    let printed: serde_json::Value = serde_json::from_slice(&fs::read(&document).unwrap()).unwrap();
    assert_eq!(served, printed, "what is served is what is printed");
    let tester = schemathesis(&home, &document, &server);
    tokio::task::spawn_blocking(move || succeeds(tester))
        .await
        .unwrap();
    assert_eq!(server.ask_admin("/healthz").await.status, 200);
}
