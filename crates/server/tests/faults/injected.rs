//! One system call of a server's life fails, or all of them from one on: nothing that was answered
//! with 200 is lost, nothing happens twice, and the next start is as any other.

use std::fs;
use std::time::Duration;

use crate::support::gateway::Gateway;
use crate::support::home::{Home, Process};
use crate::support::luck::{number, seed};
use crate::support::server::{SERVER, Server};
use crate::support::webhook::Webhook;
use crate::support::{pass, until_async};

/// Webhooks that are sent to the server whose disk fails.
const WEBHOOKS: usize = 6;

/// How long a server whose disk has failed may take to end by itself.
const LAST_MOMENTS: Duration = Duration::from_secs(15);

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Which system call.
    pub(crate) call: &'static str,
    /// What becomes of it, as `strace` has it.
    pub(crate) effect: &'static str,
    /// Whether it stays so.
    pub(crate) lasts: bool,
    /// How much nearer to each other the calls are that fail, because there are fewer of them.
    pub(crate) denser: u64,
}

/// What a run came to.
enum Ended {
    /// The call was never made: the life is too short for it.
    NotReached,
    /// Everything was as promised.
    Judged,
}

/// Lets the fault fall on the first call, a later one, and so on until a life has no more of them.
pub(crate) async fn everywhere(fault: Fault) {
    let seed = seed("PAYHOOK_FAULT_SEED");
    let stride = number("PAYHOOK_FAULT_STRIDE").unwrap_or(17);
    let stride = (stride / fault.denser).max(1);
    println!("PAYHOOK_FAULT_SEED={seed} PAYHOOK_FAULT_STRIDE={stride} {fault:?}");
    let gateway = Gateway::start().await;
    let mut tried = 0;
    let mut nth = 1 + seed % stride;
    while let Ended::Judged = at(fault, nth, &gateway).await {
        tried += 1;
        nth += stride;
    }
    println!("{tried} places tried, the last one being call {nth}");
    assert!(tried > 0, "it was never reached");
}

async fn at(fault: Fault, nth: u64, gateway: &Gateway) -> Ended {
    let home = Home::new(&format!("{}\nlog.filter = 'warn'", gateway.config()));
    let trace = home.path().join("strace.out");
    let process = start_faulty(&home, fault, nth);
    let name = |number: usize| format!("p{nth}_{number}");
    let webhook = |number| Webhook::payment(&name(number), &name(number));
    let mut kept = [false; WEBHOOKS];
    let code = match Server::try_wait_for(&home, process) {
        Ok(server) => {
            for (number, kept) in kept.iter_mut().enumerate() {
                // Without an answer it may be kept or not.
                if let Ok(answer) = server.try_send(&webhook(number)).await {
                    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                    *kept = answer.status == 200;
                }
            }
            end(server).await
        }
        Err(early) => {
            assert_ne!(early, 0, "it did not start, and said that all is well");
            early
        }
    };
    let calls = fs::read_to_string(&trace).unwrap_or_default();
    let is_marked = calls.contains("INJECTED") || calls.contains("DELAYED");
    // A signal is not marked as what it is.
    if !is_marked && code != -1 {
        return Ended::NotReached;
    }
    judge(&home, &kept, webhook).await;
    for number in 0..WEBHOOKS {
        let effects = gateway.ledger.effects(&name(number));
        assert_eq!(effects.len(), 1, "{}: {effects:?}", name(number));
    }
    Ended::Judged
}

fn start_faulty(home: &Home, fault: Fault, nth: u64) -> Process {
    let data = home.data();
    fs::create_dir_all(&data).unwrap();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let Fault {
        call,
        effect,
        lasts,
        denser: _,
    } = fault;
    let lasting = if lasts { "+" } else { "" };
    let mut prefix = vec!["strace".to_owned(), "-D".into(), "-f".into(), "-qq".into()];
    for file in ["payhook.db", "payhook.db-wal", "payhook.db-journal"] {
        prefix.extend(["-P".into(), path(file)]);
    }
    prefix.extend(["-P".into(), data.to_str().unwrap().to_owned()]);
    prefix.extend([
        "-o".into(),
        home.path().join("strace.out").to_str().unwrap().into(),
    ]);
    prefix.extend(["-e".into(), format!("trace={call}")]);
    let inject = format!("inject={call}:{effect}:when={nth}{lasting}");
    prefix.extend(["-e".into(), inject]);
    let prefix: Vec<&str> = prefix.iter().map(String::as_str).collect();
    home.spawn_under(SERVER, &prefix, &["serve"])
}

/// Sees a server to its end: its own, when its disk has failed, or the one that it is asked for. The
/// exit code.
async fn end(mut server: Server) -> i32 {
    let begun = std::time::Instant::now();
    let mut is_asked = false;
    loop {
        if let Some(code) = server.process.ended() {
            return code;
        }
        let ready = server.try_ask_admin("/readyz").await;
        let counts = server.try_ask_admin("/metrics").await;
        let is_at_rest = counts.is_some_and(|metrics| {
            let is_none = |name: &str| metrics.body.contains(&format!("payhook_{name} 0\n"));
            is_none("executions_running") && is_none("feed_lag_entries")
        });
        let is_well = ready.is_some_and(|ready| ready.status == 200);
        if is_well && is_at_rest && !is_asked {
            server.process.terminate();
            is_asked = true;
        }
        assert!(
            begun.elapsed() < LAST_MOMENTS,
            "it is well: {is_well}, at rest: {is_at_rest}, and goes on"
        );
        pass(Duration::from_millis(20)).await;
    }
}

/// Starts it anew without faults, and sends everything again.
async fn judge(home: &Home, kept: &[bool], webhook: impl Fn(usize) -> Webhook) {
    let server = Server::start(home);
    for (number, &is_kept) in kept.iter().enumerate() {
        let answer = server.send(&webhook(number)).await;
        let outcome = answer.header("x-payhook-outcome").to_owned();
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_lost = is_kept && outcome != "duplicate";
        assert!(!is_lost, "{number} was answered with 200, and is not there");
    }
    let count = kept.len();
    until_async("everything has come to rest", async || {
        let counts = server.api("counts").await;
        (counts["running"] == 0 && counts["feedLag"] == 0).then_some(())
    })
    .await;
    let counts = server.api("counts").await;
    assert_eq!(counts["events"], count, "{counts}");
    assert_eq!(counts["succeeded"], count, "{counts}");
    server.stop();
    let checked = home.run("--json store check").json(0);
    assert_eq!(checked["ok"], true, "{checked}");
}
