//! `payhook demo`, as a newcomer runs it.

use serde_json::Value;

use crate::support::home::Home;

#[test]
fn the_demo_shows_what_it_promises() {
    let home = Home::new("");
    let shown = home.run_bare("--json demo --dir demo").json(0);
    assert_eq!(shown["ok"], true);
    let outcomes = shown["outcomes"].as_array().unwrap();
    assert!(outcomes.len() >= 10, "{shown}");
    for outcome in outcomes {
        assert_eq!(outcome["ok"], true, "{outcome}");
    }
    let of = |payment: &str| -> &Value {
        outcomes
            .iter()
            .find(|outcome| outcome["paymentId"] == payment)
            .unwrap()
    };
    assert_eq!(
        (&of("pay_flaky")["attempts"], &of("pay_flaky")["status"]),
        (&3.into(), &"completed".into())
    );
    assert_eq!(
        (&of("pay_down")["attempts"], &of("pay_down")["status"]),
        (&4.into(), &"failed".into())
    );
    // The commands that it ends with work on what it leaves behind.
    let configuration = shown["configuration"].as_str().unwrap();
    let listed = home
        .run_bare(&format!("--config {configuration} --json events list"))
        .json(0);
    assert_eq!(listed["items"].as_array().unwrap().len(), 9);
    // It does not write over what is there.
    home.run_bare("demo --dir demo").fails_with(&["--dir"]);
}
