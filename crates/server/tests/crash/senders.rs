//! Senders as providers are: each tries until it is told 200, and sometimes once more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::task::JoinSet;

use crate::support::gateway::Gateway;
use crate::support::ledger::{Act, Ledger};
use crate::support::luck::Luck;
use crate::support::server::Server;
use crate::support::webhook::Webhook;
use crate::support::{Answer, pass};

/// Pause of a sender between two events: bounds the load.
const PAUSE: Duration = Duration::from_millis(10);

/// Pause of a sender between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// One event that was answered with 200.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) event: String,
    pub(crate) payment: String,
    /// The body of the answer, the same for every repeat.
    pub(crate) answer: String,
    /// How it has to end.
    pub(crate) end: End,
}

/// How an event has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed,
    Declined,
    /// The gateway fails more often than it is asked, unless crashes make it be asked more often.
    Spent,
}

/// Everything that senders were told.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) events: Vec<Kept>,
    pub(crate) in_vain: u64,
}

/// Senders at work.
pub(crate) struct Senders {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Sent>,
}

/// Starts `count` senders.
pub(crate) fn start(count: u64, seed: u64, to: SocketAddr, gateway: &Gateway) -> Senders {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for name in 0..count {
        let sender = Sender {
            name,
            luck: Luck::of(seed ^ (name + 1) << 32),
            to,
            client: Server::impatient_client(),
            ledger: Arc::clone(&gateway.ledger),
            sent: Sent::default(),
        };
        tasks.spawn(sender.run(Arc::clone(&stop)));
    }
    Senders { stop, tasks }
}

impl Senders {
    /// Lets every sender end with the event it is at, and says what they were told.
    pub(crate) async fn finish(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Sent::default();
        for sent in self.tasks.join_all().await {
            all.events.extend(sent.events);
            all.in_vain += sent.in_vain;
        }
        all
    }
}

struct Sender {
    name: u64,
    luck: Luck,
    to: SocketAddr,
    client: Client,
    ledger: Arc<Ledger>,
    sent: Sent,
}

impl Sender {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Sent {
        for number in 0_u64.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            self.send_one(number).await;
            pass(PAUSE).await;
        }
        self.sent
    }

    async fn send_one(&mut self, number: u64) {
        let event = format!("evt_{}_{number}", self.name);
        let payment = format!("pay_{}_{number}", self.name);
        let end = self.script(&payment);
        let webhook = Webhook::payment(&payment, &event);
        let first = self.until_kept(&webhook).await;
        assert!(
            ["stored", "duplicate"].contains(&first.header("x-payhook-outcome")),
            "{first:?}"
        );
        if self.luck.below(4) == 0 {
            let second = self.until_kept(&webhook).await;
            second.accepts("duplicate");
            assert_eq!(first.body, second.body);
        }
        if self.luck.below(16) == 0 {
            let mut other = webhook.clone();
            other.body.push(b' ');
            let conflict = self.until_kept(&Webhook::new(other.body)).await;
            conflict.accepts("conflict");
            assert_eq!(first.body, conflict.body);
        }
        let answer = first.body;
        self.sent.events.push(Kept {
            event,
            payment,
            answer,
            end,
        });
    }

    /// What the gateway does with a payment, before it is heard of.
    fn script(&mut self, payment: &str) -> End {
        let latency = Duration::from_millis(self.luck.below(60));
        let (acts, end) = match self.luck.below(20) {
            0 | 1 => (vec![Act::LoseAnswer], End::Completed),
            2 => (vec![Act::LoseAnswer, Act::HangUp], End::Completed),
            3 => (vec![Act::refuse(503)], End::Completed),
            4 => (vec![Act::refuse(402); 100], End::Declined),
            5 => (vec![Act::refuse(500); 100], End::Spent),
            _ => (vec![Act::SettleSlowly(latency)], End::Completed),
        };
        self.ledger.script(payment, acts);
        end
    }

    /// Sends until it is told 200. Between crashes there is no server: that is no answer.
    async fn until_kept(&mut self, webhook: &Webhook) -> Answer {
        loop {
            let request = webhook.request(&self.client, self.to);
            let answer = match request.send().await {
                Ok(response) => Answer::read(response).await.ok(),
                Err(_) => None,
            };
            match answer {
                Some(answer) if answer.status == 200 => return answer,
                // Whoever signs well is never refused, only asked to come again.
                Some(answer) => assert_eq!(answer.status, 503, "{answer:?}"),
                None => {}
            }
            self.sent.in_vain += 1;
            pass(RETRY_PAUSE).await;
        }
    }
}
