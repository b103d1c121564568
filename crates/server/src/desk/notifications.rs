//! Endpoints, and what they were told: looking at both, and what people do about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::notification::{EndpointName, HealthChange, Message, News, Outcome};
use domain::record::EventRecord;
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::Millis;
use engine::operator::NotDone;
use engine::store::{Action, Store};
use processor::notify::{Notifier, Occasion};

use super::{By, Desk};
use crate::config::Config;
use crate::view::{EndpointView, NotificationView, RepliesView, ReplyView};

/// Longest time for telling endpoints again: whoever asked waits for it.
const REPLAY_PATIENCE: Millis = Millis::from_secs(25);

/// Who is told what becomes of payments, as far as it is known here.
#[derive(Debug, Default)]
pub(crate) struct Correspondence {
    /// Where each endpoint is that is configured, without what may be secret.
    origins: BTreeMap<EndpointName, String>,
    /// Who tells them; `None` where it was not asked for, because it takes their secrets.
    notifier: Option<Arc<Notifier>>,
}

impl Correspondence {
    /// The endpoints of the configuration, and who tells them.
    pub(crate) fn new(config: &Config, notifier: Option<Arc<Notifier>>) -> Self {
        let endpoints = config.notify.endpoints.iter();
        let origins = endpoints.filter_map(|(name, endpoint)| {
            Some((EndpointName::try_new(name).ok()?, endpoint.origin()))
        });
        Self {
            origins: origins.collect(),
            notifier,
        }
    }
}

/// The end that a change brings its payment to, which is what the first choice of an extended
/// workflow asks for.
fn end_of(change: &Change) -> Option<Outcome> {
    let outcome = change.attribute("status").and_then(Outcome::of_status);
    outcome.filter(|_| change.kind == ChangeKind::Modify)
}

impl<S: Store> Desk<S> {
    /// Every endpoint that is configured, or that is remembered, by name.
    pub(crate) fn endpoints(&self) -> Result<Vec<EndpointView>, NotDone> {
        let mut healths: BTreeMap<_, _> = self.store.endpoints()?.into_iter().collect();
        for name in self.correspondence.origins.keys() {
            healths.entry(name.clone()).or_default();
        }
        let view = |(name, health)| {
            let origin = self.correspondence.origins.get(&name);
            EndpointView::new(&name, origin.map(String::as_str), &health)
        };
        Ok(healths.into_iter().map(view).collect())
    }

    /// Has an endpoint called again.
    pub(crate) async fn enable_endpoint(
        &self,
        name: &str,
        by: &By,
    ) -> Result<EndpointView, NotDone> {
        let act = (Action::EnableEndpoint, HealthChange::Enable);
        self.change_endpoint(name, act, by).await
    }

    /// Has an endpoint left alone.
    pub(crate) async fn disable_endpoint(
        &self,
        name: &str,
        by: &By,
    ) -> Result<EndpointView, NotDone> {
        let act = (Action::DisableEndpoint, HealthChange::Disable);
        self.change_endpoint(name, act, by).await
    }

    async fn change_endpoint(
        &self,
        name: &str,
        (action, change): (Action, HealthChange),
        by: &By,
    ) -> Result<EndpointView, NotDone> {
        let name = self.endpoint_named(name)?;
        let now = self.clock.now();
        let changed = self.store.change_endpoint(&name, change, now);
        let done = async { changed.await.map_err(NotDone::from) };
        let health = self.on_record(by, (action, name.to_string()), done).await?;
        let origin = self.correspondence.origins.get(&name);
        Ok(EndpointView::new(
            &name,
            origin.map(String::as_str),
            &health,
        ))
    }

    /// A name that is configured, or that the store remembers something of.
    fn endpoint_named(&self, name: &str) -> Result<EndpointName, NotDone> {
        let unknown = || NotDone::NoSuch(format!("no endpoint named {name} is configured"));
        let named = EndpointName::try_new(name).map_err(|_| unknown())?;
        let is_remembered = self.store.endpoint(&named)? != Default::default();
        if is_remembered || self.correspondence.origins.contains_key(&named) {
            Ok(named)
        } else {
            Err(unknown())
        }
    }

    /// What was told of an event, oldest first: `id` is its id or its key. One for each end that
    /// its payment came to while there was an endpoint.
    pub(crate) fn notifications(&self, id: &str) -> Result<Vec<NotificationView>, NotDone> {
        let event = self.find_event(id)?.ok_or(NotDone::NotFound)?;
        let mut views = Vec::new();
        for change in &event.changes {
            let Some(outcome) = end_of(change) else {
                continue;
            };
            if let Some(execution) = self.store.execution(change.sequence)? {
                let detail = self.execution_view(&execution, false)?;
                views.push(NotificationView::new(change, outcome.status(), &detail));
            }
        }
        Ok(views)
    }

    /// Whether the execution of this feed entry tells of an end of its payment.
    pub(crate) fn tells_of_an_end(&self, sequence: Sequence) -> Result<bool, NotDone> {
        let found = self.store.execution(sequence)?;
        Ok(found.is_some_and(|detail| end_of(&detail.change).is_some()))
    }

    /// Tells endpoints again what became of an event, once and now, with the ids that the messages
    /// had before: `endpoint`, or all that want to be told.
    ///
    /// # Errors
    /// [`NotDone::NotNow`] when not all have it now; it names those that do.
    pub(crate) async fn replay(
        &self,
        id: &str,
        endpoint: Option<&str>,
        by: &By,
    ) -> Result<RepliesView, NotDone> {
        let event = self.find_event(id)?.ok_or(NotDone::NotFound)?;
        let record = &event.summary.record;
        let names = self.replayed_to(record, endpoint)?;
        let key = record.event_key.to_string();
        let done = self.tell_again(record, &names);
        self.on_record(by, (Action::Notify, key), done).await
    }

    fn notifier(&self) -> Result<&Notifier, NotDone> {
        let notifier = self.correspondence.notifier.as_deref();
        notifier.ok_or_else(|| NotDone::NotNow("no endpoint is configured here".to_owned()))
    }

    fn replayed_to(
        &self,
        record: &EventRecord,
        endpoint: Option<&str>,
    ) -> Result<Vec<EndpointName>, NotDone> {
        let notifier = self.notifier()?;
        let news = News::of(&record.settlement).ok_or_else(|| {
            NotDone::NotNow("there is nothing to tell yet: the payment is under way".to_owned())
        })?;
        let names = match endpoint {
            Some(name) => vec![self.endpoint_named(name)?],
            None => {
                let source = &record.event_key.source;
                let all = notifier.endpoints().iter();
                all.filter(|(_, endpoint)| endpoint.wants.includes(source, news.outcome))
                    .map(|(name, _)| name.clone())
                    .collect()
            }
        };
        if names.is_empty() {
            let why = "no endpoint wants to be told of this; name one to tell it all the same";
            return Err(NotDone::NotNow(why.to_owned()));
        }
        for name in &names {
            if self.store.endpoint(name)?.disabled.is_some() {
                return Err(NotDone::NotNow(format!(
                    "{name} is disabled; enable it first, or name another"
                )));
            }
        }
        Ok(names)
    }

    async fn tell_again(
        &self,
        record: &EventRecord,
        names: &[EndpointName],
    ) -> Result<RepliesView, NotDone> {
        let notifier = self.notifier()?;
        let now = self.clock.now();
        let by = format!("replay/{}", now.as_millis());
        let calls = names.iter().map(|name| {
            let occasion = Occasion {
                by: &by,
                attempts: 0,
                now,
                deadline: now.after(REPLAY_PATIENCE),
            };
            notifier.tell(record, name, occasion)
        });
        let replies = futures_util::future::join_all(calls).await;
        let (mut told, mut untold) = (Vec::new(), Vec::new());
        for (name, reply) in names.iter().zip(replies) {
            match reply.map(|reply| reply.result.failure()) {
                Some(None) => told.push(ReplyView {
                    endpoint: name.to_string(),
                    message: Message::new(record, name).map_or_else(String::new, |each| each.id),
                }),
                Some(Some(failure)) => untold.push(format!("{name}: {failure}")),
                None => untold.push(format!("{name}: it is not configured here")),
            }
        }
        if untold.is_empty() {
            return Ok(RepliesView { replies: told });
        }
        let told: Vec<_> = told.into_iter().map(|reply| reply.endpoint).collect();
        let told = match told.is_empty() {
            true => String::new(),
            false => format!(" (told: {})", told.join(", ")),
        };
        Err(NotDone::NotNow(format!(
            "not delivered to {}{told}",
            untold.join("; ")
        )))
    }
}
