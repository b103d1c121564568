//! Alerts: somebody is told when something is wrong, once, and when it is over.
//!
//! In reading order: [`reading`] measures, [`judge`] says what is wrong, [`watch`] when that is
//! news, [`book`] what is kept of it, [`message`] and [`words`] how it reads, [`target`] how it
//! reaches people. All but the first and the last are pure; here is what carries them out.
//!
//! Nothing here is on a webhook's way: the loops run beside the listener for operators.

pub(crate) mod reading;
pub(crate) mod window;
pub(crate) mod judge;
pub(crate) mod rule;
pub(crate) mod watch;
pub(crate) mod book;
pub(crate) mod outbox;
pub(crate) mod message;
pub(crate) mod words;
pub(crate) mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::source::Source;
use domain::time::Timestamp;
use engine::clock::{Clock, Luck};
use engine::metrics::{Metrics, RuleLabel, TargetLabels};
use engine::store::{Store, Unavailable};
use engine::supervisor::Supervisor;
use engine::wakeup::Wakeup;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::book::{Book, Plan, Told};
use self::judge::{Judge, Observation};
use self::message::{Message, Notice, Sender};
use self::outbox::Next;
use self::reading::Reading;
use self::rule::Rule;
use self::target::{SendFailure, Target};
use self::watch::Standing;
use crate::config::alerts::AlertsConfig;
use crate::view::AlertsView;

/// The alerts of a running payhook.
pub(crate) struct Alerts<S> {
    world: World<S>,
    config: AlertsConfig,
    sender: Sender,
    plan: Plan,
    targets: BTreeMap<String, Target>,
    posted: BTreeMap<String, Wakeup>,
    state: Mutex<State>,
    /// Held from a change of the book until that is durable, so that nothing is sent that a crash
    /// would have sent again under another id, and no older book overwrites a newer one.
    page: tokio::sync::Mutex<IsKept>,
}

/// What alerts are about, and what they need of the world.
pub(crate) struct World<S> {
    /// The store that is looked at, and that keeps the book.
    pub(crate) store: Arc<S>,
    /// The data directory, whose disk is looked at.
    pub(crate) directory: PathBuf,
    /// Who may send.
    pub(crate) sources: Vec<Source>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Luck, for ids.
    pub(crate) luck: Arc<dyn Luck>,
}

/// How long a message waits at most for the disk.
const KEEP_PATIENCE: Duration = Duration::from_secs(4);

/// Whether the store has the book as it is.
struct IsKept(bool);

struct State {
    book: Book,
    judge: Judge,
    seen: Vec<Observation>,
    seen_at: Option<Timestamp>,
}

impl<S: Store> Alerts<S> {
    /// Alerts that go on with the book that the store has kept.
    ///
    /// # Errors
    /// A target cannot be used, or the store cannot be read.
    pub(crate) fn open(config: &AlertsConfig, world: World<S>) -> anyhow::Result<Arc<Self>> {
        let (plan, targets) = plan(config)?;
        let book = kept_book(&*world.store)?;
        let judge = Judge::new(config.rules.clone(), &world.sources, world.clock.now());
        Ok(Arc::new(Self {
            posted: targets
                .keys()
                .map(|name| (name.clone(), Wakeup::default()))
                .collect(),
            sender: sender(config),
            config: config.clone(),
            plan,
            targets,
            state: Mutex::new(State {
                book,
                judge,
                seen: Vec::new(),
                seen_at: None,
            }),
            page: tokio::sync::Mutex::new(IsKept(true)),
            world,
        }))
    }

    /// Starts the loops: one that looks, and one for each target. None where nobody is told.
    pub(crate) fn start(self: &Arc<Self>, group: &Supervisor) {
        if self.targets.is_empty() {
            return;
        }
        let alerts = Arc::clone(self);
        group.start("alerts", move |stop| {
            let alerts = Arc::clone(&alerts);
            async move { alerts.watch(stop).await }
        });
        for (name, wakeup) in &self.posted {
            let (alerts, name, wakeup) = (Arc::clone(self), name.clone(), wakeup.clone());
            group.start("alert target", move |stop| {
                let (alerts, name, wakeup) = (Arc::clone(&alerts), name.clone(), wakeup.clone());
                async move { alerts.deliver(&name, &wakeup, stop).await }
            });
        }
    }

    /// How everything stands.
    pub(crate) fn view(&self) -> AlertsView {
        let state = self.state();
        AlertsView::new(&self.config, &state.book, (&state.seen, state.seen_at))
    }

    /// Sends a test message through every target, or the one that is named. What came of it, by
    /// target; `None` when there is no such target.
    pub(crate) async fn test(
        &self,
        target: Option<&str>,
    ) -> Option<Vec<(String, Result<(), SendFailure>)>> {
        let chosen = chosen(&self.targets, target)?;
        let now = self.world.clock.now();
        let message = Message::test(self.new_id(), now);
        Some(send_all(&chosen, &message, &self.sender, now).await)
    }

    async fn watch(&self, stop: CancellationToken) {
        let pause = Duration::from_millis(self.config.evaluate_every_ms);
        while !stop.is_cancelled() {
            self.look().await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        if self.world.store.takes_custody() == Err(Unavailable::Failed) {
            self.say_last_words().await;
        }
    }

    /// Looks at everything once, and has what is news kept and sent.
    async fn look(&self) {
        let mut is_kept = self.page.lock().await;
        let world = &self.world;
        let now = world.clock.now();
        let counters = (&*world.metrics, &world.sources[..]);
        let reading = Reading::take(&*world.store, counters, &world.directory, now);
        let id = self.new_id();
        let told = {
            let mut guard = self.state();
            let state = &mut *guard;
            let before = state.book.clone();
            state.seen = state.judge.look(&reading);
            state.seen_at = Some(now);
            let told = state.book.take(&state.seen, &self.plan, now, &id);
            is_kept.0 &= before == state.book;
            told
        };
        self.count(&told);
        told.notices.iter().for_each(say);
        if !is_kept.0 {
            self.keep(&mut is_kept).await;
        }
        if !told.notices.is_empty() {
            self.posted.values().for_each(Wakeup::wake);
        }
    }

    /// Sends a target what waits for it, for as long as nobody says stop.
    async fn deliver(&self, name: &str, posted: &Wakeup, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.next(name).await {
                // One that is cut off is in the book, and comes again under the same id.
                Next::Send(message) => tokio::select! {
                    () = self.send(name, &message) => {}
                    () = stop.cancelled() => {}
                },
                Next::Nothing => tokio::select! {
                    () = posted.wait() => {}
                    () = stop.cancelled() => {}
                },
                Next::At(time) => tokio::select! {
                    () = self.world.clock.sleep_until(time) => {}
                    () = stop.cancelled() => {}
                },
            }
        }
    }

    async fn next(&self, target: &str) -> Next {
        // What is being written down is sent when it is durable.
        let _page = self.page.lock().await;
        self.state().book.next(target, self.world.clock.now())
    }

    fn first(&self, target: &str) -> Option<Message> {
        self.state().book.first(target).cloned()
    }

    async fn send(&self, name: &str, message: &Message) {
        let Some(target) = self.targets.get(name) else {
            return;
        };
        let sent = target.send(message, &self.sender, self.world.clock.now());
        let sent = sent.await;
        let mut is_kept = self.page.lock().await;
        if let Err(failure) = sent {
            let then = match failure.is_final() {
                true => "it is dropped",
                false => "it is tried again",
            };
            warn!(alert_target = name, %failure, "an alert could not be sent; {then}");
        }
        self.count_message(name, if sent.is_ok() { "sent" } else { "failed" }, 1);
        let now = self.world.clock.now();
        if sent.is_err_and(SendFailure::is_final) {
            self.count_message(name, "dropped", 1);
        }
        self.state().book.tried(name, &message.id, now, sent.err());
        self.keep(&mut is_kept).await;
    }

    /// The store has failed and the process ends over it: whoever can be told is told now.
    async fn say_last_words(&self) {
        self.look().await;
        let names = self.targets.keys();
        let last_words = names.map(|name| async move {
            // Also to whom a try has just failed: there is no later one.
            while let Some(message) = self.first(name) {
                self.send(name, &message).await;
                if self.first(name).is_some_and(|first| first.id == message.id) {
                    return;
                }
            }
        });
        join_all(last_words).await;
    }

    /// Writes the book down. When that cannot be, or not soon, messages are sent all the same, and a
    /// restart may send them again: a disk that hangs must not silence the alert of it. The store
    /// writes in order, so a late book is never written over a newer one.
    async fn keep(&self, is_kept: &mut IsKept) {
        let text = self.state().book.write();
        let writing = self.world.store.keep_alert_book(text);
        let kept = tokio::time::timeout(KEEP_PATIENCE, writing).await;
        let kept = kept.unwrap_or(Err(Unavailable::Overloaded));
        is_kept.0 = kept.is_ok();
        if let Err(unavailable) = kept {
            warn!(%unavailable, "what the alerts have told could not be kept");
        }
    }

    fn count(&self, told: &Told) {
        let state = self.state();
        for rule in self.plan.paces.keys() {
            let firing = state.book.open().filter(|id| id.rule == *rule);
            let firing = firing.filter(|id| state.book.standing(id).0 == Standing::Firing);
            let label = RuleLabel {
                rule: rule.to_string(),
            };
            let gauge = self.world.metrics.alerts_firing.get_or_create(&label);
            gauge.set(i64::try_from(firing.count()).unwrap_or(i64::MAX));
        }
        drop(state);
        for (target, dropped) in &told.dropped {
            warn!(
                alert_target = target,
                dropped, "alerts were dropped: too many, or too old"
            );
            self.count_message(target, "dropped", *dropped);
        }
    }

    fn count_message(&self, target: &str, result: &str, messages: u64) {
        let labels = TargetLabels {
            target: target.to_owned(),
            result: result.to_owned(),
        };
        let counter = self.world.metrics.alert_messages.get_or_create(&labels);
        counter.inc_by(messages);
    }

    fn new_id(&self) -> String {
        new_id(&*self.world.luck)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is told of what, and the ways to them.
///
/// # Errors
/// A target cannot be used.
pub(crate) fn plan(config: &AlertsConfig) -> anyhow::Result<(Plan, BTreeMap<String, Target>)> {
    let paces = Rule::ALL.into_iter();
    let paces = paces.filter_map(|rule| Some((rule, config.pace(rule)?)));
    let targets = config.targets.iter();
    let plan = Plan {
        paces: paces.collect(),
        targets: targets
            .clone()
            .map(|(name, target)| (name.clone(), target.rules.clone()))
            .collect(),
    };
    let targets = targets.map(|(name, target)| Ok((name.clone(), target.build(name)?)));
    Ok((plan, targets.collect::<anyhow::Result<_>>()?))
}

/// Sends a test message through every target of a configuration, or the one that is named. What
/// came of it, by target; `None` when there is no such target.
///
/// # Errors
/// A target cannot be used.
pub(crate) async fn test(
    config: &AlertsConfig,
    target: Option<&str>,
    (clock, luck): (&dyn Clock, &dyn Luck),
) -> anyhow::Result<Option<Vec<(String, Result<(), SendFailure>)>>> {
    let (_, targets) = plan(config)?;
    let Some(chosen) = chosen(&targets, target) else {
        return Ok(None);
    };
    let now = clock.now();
    let message = Message::test(new_id(luck), now);
    let sender = sender(config);
    Ok(Some(send_all(&chosen, &message, &sender, now).await))
}

/// The book that a store has kept; an empty one where it has none, or none that can be read.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn kept_book<S: Store>(store: &S) -> Result<Book, Unavailable> {
    let Some(text) = store.alert_book()? else {
        return Ok(Book::default());
    };
    Ok(Book::read(&text).unwrap_or_else(|error| {
        warn!(%error, "what the alerts have told cannot be read; what is wrong is told again");
        Book::default()
    }))
}

fn sender(config: &AlertsConfig) -> Sender {
    Sender {
        name: config.name.clone(),
        dashboard_url: config.dashboard_url.trim_end_matches('/').to_owned(),
    }
}

fn chosen<'a>(
    targets: &'a BTreeMap<String, Target>,
    name: Option<&str>,
) -> Option<Vec<(&'a String, &'a Target)>> {
    match name {
        None => Some(targets.iter().collect()),
        Some(name) => Some(vec![targets.get_key_value(name)?]),
    }
}

async fn send_all(
    targets: &[(&String, &Target)],
    message: &Message,
    sender: &Sender,
    now: Timestamp,
) -> Vec<(String, Result<(), SendFailure>)> {
    let sent = targets.iter().map(|(name, target)| async move {
        let sent = target.send(message, sender, now).await;
        ((*name).clone(), sent)
    });
    join_all(sent).await
}

/// A message's id, which nobody else has.
fn new_id(luck: &dyn Luck) -> String {
    format!("msg_{:016x}{:016x}", luck.next_u64(), luck.next_u64())
}

fn say(notice: &Notice) {
    let Notice {
        rule,
        subject,
        what,
        ..
    } = notice;
    if notice.is_firing() {
        warn!(%rule, subject, what, "an alert fires");
    } else {
        info!(%rule, subject, what, "an alert is over");
    }
}

#[cfg(test)]
mod tests;
