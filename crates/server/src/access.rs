//! How the command line reaches what it asks about: through a running server's admin listener,
//! or, when none runs, in the data directory itself. Both answer the same.

mod keys;
mod notifications;
mod shredding;
mod tasks;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use domain::secret::Secret;
use engine::clock::{Clock as _, Luck as _, SystemClock, SystemLuck};
use engine::operator::Wish;
use engine::upstream::NoUpstream;
use reqwest::{Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::admin::ActRequest;
use crate::admin::alerts::TestRequest;
use crate::admin::keyring::{ADMIN, Operator, Role};
use crate::admin::once::IDEMPOTENCY_KEY;
use crate::alerts;
use crate::bulk::{Board, BulkAction, BulkRequest, BulkState, BulkView};
use crate::config::Config;
use crate::config::alerts::AlertsConfig;
use crate::dashboard::session;
use crate::desk::{
    By, ChangeQuery, ChangesView, Correspondence, Desk, EventQuery, ExecutionQuery, ListQuery,
    PaymentQuery, ReconcileRequest,
};
use crate::runtime_file::{self, RuntimeFile};
use crate::view::{
    ActView, AlertsView, AnomalyView, CountsView, EventDetailView, EventView, ExecutionDetailView,
    ExecutionView, ListedPaymentView, PageView, PaymentView, PromotedView, QuarantineDetailView,
    QuarantineView, ReconciledView, TestedView,
};
use crate::wire::{self, HomeStore};

/// How long a server on the same machine may take to say that it is there.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long it may take to answer a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is asked how far a run has come.
const BULK_PAUSE: Duration = Duration::from_millis(200);

/// How often a deed is asked for when no answer comes, and the pause before it is asked again.
const POST_ATTEMPTS_MAX: u32 = 3;
const POST_PAUSE: Duration = Duration::from_millis(300);

/// Who acts in a data directory itself, in the audit log: whoever may write there.
const HERE: &str = "command line";

/// What the store is opened for when no server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Looking: nothing is written.
    Look,
    /// Acting: nobody else may have the store open.
    Act,
    /// Acting on a delivery that is judged again, which takes the sources' secrets.
    Judge,
    /// Telling endpoints again, which takes their secrets.
    Tell,
}

/// The way in.
pub(crate) enum Access {
    /// Through a running server.
    Server(Server),
    /// In the data directory.
    Directory(Desk<HomeStore>),
}

/// A running server's admin listener.
pub(crate) struct Server {
    client: Client,
    base: String,
    token: String,
}

impl Access {
    /// Finds the way in that the configuration's data directory offers.
    pub(crate) async fn open(config: &Config, purpose: Purpose) -> anyhow::Result<Self> {
        let directory = &config.store.path;
        if let Some(server) = running_server(config, directory).await? {
            return Ok(Self::Server(server));
        }
        if !directory.is_dir() {
            bail!(
                "there is no data directory {}; name it with `store.path` in the configuration \
                 or PAYHOOK_STORE__PATH",
                directory.display()
            );
        }
        // Only promoting judges anything, and a running server would do that with its own
        // secrets: they are not asked for when nobody needs them.
        let (desk, notifier) = match purpose {
            Purpose::Look => {
                let commons = wire::open_read_only(config)?;
                // What is refused is explained with whatever secrets can be read here.
                let sources = wire::readable_sources(config);
                (commons.desk(sources, Arc::new(NoUpstream)), None)
            }
            Purpose::Act => {
                let commons = wire::open(config)?;
                (commons.desk(Vec::new(), Arc::new(NoUpstream)), None)
            }
            Purpose::Judge => {
                let upstream = wire::upstream(config)?;
                let sources = wire::sources(config)?;
                (wire::open(config)?.desk(sources, upstream), None)
            }
            Purpose::Tell => {
                let commons = wire::open(config)?;
                let notifier = commons.notifier(config)?;
                (commons.desk(Vec::new(), Arc::new(NoUpstream)), notifier)
            }
        };
        let desk = Desk {
            correspondence: Correspondence::new(config, notifier),
            ..desk
        };
        Ok(Self::Directory(desk))
    }

    /// A link that signs a browser in at the running server's dashboard, at `path` of it.
    ///
    /// # Errors
    /// No server runs.
    pub(crate) fn dashboard(&self, path: &str) -> anyhow::Result<String> {
        match self {
            Self::Server(server) => Ok(server.dashboard(path)),
            Self::Directory(_) => bail!("no server runs here; start one with `payhook serve`"),
        }
    }

    /// See [`Desk::events`].
    pub(crate) async fn events(&self, query: &EventQuery) -> anyhow::Result<PageView<EventView>> {
        match self {
            Self::Server(server) => server.get("events", query).await,
            Self::Directory(desk) => Ok(desk.events(query)?),
        }
    }

    /// See [`Desk::event`].
    pub(crate) async fn event(&self, id: &str, body: bool) -> anyhow::Result<EventDetailView> {
        match self {
            Self::Server(server) => {
                server
                    .get(&format!("events/{}", segment(id)), &[("body", body)])
                    .await
            }
            Self::Directory(desk) => Ok(desk.event(id, body)?),
        }
    }

    /// See [`Desk::payments`].
    pub(crate) async fn payments(&self, id: &str) -> anyhow::Result<Vec<PaymentView>> {
        match self {
            Self::Server(server) => {
                server
                    .get(&format!("payments/{}", segment(id)), &[(); 0])
                    .await
            }
            Self::Directory(desk) => Ok(desk.payments(id)?),
        }
    }

    /// See [`Desk::list_payments`].
    pub(crate) async fn list_payments(
        &self,
        query: &PaymentQuery,
    ) -> anyhow::Result<PageView<ListedPaymentView>> {
        match self {
            Self::Server(server) => server.get("payments", query).await,
            Self::Directory(desk) => Ok(desk.list_payments(query)?),
        }
    }

    /// See [`Desk::reconcile`].
    pub(crate) async fn reconcile(
        &self,
        source: &str,
        request: &ReconcileRequest,
    ) -> anyhow::Result<ReconciledView> {
        match self {
            Self::Server(server) => {
                let path = format!("sources/{}/reconcile", segment(source));
                server.post(&path, &serde_json::to_value(request)?).await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, request.reason.as_deref());
                Ok(desk.reconcile(source, request, &by).await?)
            }
        }
    }

    /// See [`Desk::anomalies`].
    pub(crate) async fn anomalies(
        &self,
        query: &ListQuery,
    ) -> anyhow::Result<PageView<AnomalyView>> {
        match self {
            Self::Server(server) => server.get("anomalies", query).await,
            Self::Directory(desk) => Ok(desk.anomalies(query)?),
        }
    }

    /// See [`Desk::counts`].
    pub(crate) async fn counts(&self) -> anyhow::Result<CountsView> {
        match self {
            Self::Server(server) => server.get("counts", &[(); 0]).await,
            Self::Directory(desk) => Ok(desk.counts()?),
        }
    }

    /// See [`Desk::changes`].
    pub(crate) async fn changes(&self, query: &ChangeQuery) -> anyhow::Result<ChangesView> {
        match self {
            Self::Server(server) => server.get("changes", query).await,
            Self::Directory(desk) => Ok(desk.changes(query)?),
        }
    }

    /// See [`Desk::executions`].
    pub(crate) async fn executions(
        &self,
        query: &ExecutionQuery,
    ) -> anyhow::Result<PageView<ExecutionView>> {
        match self {
            Self::Server(server) => server.get("executions", query).await,
            Self::Directory(desk) => Ok(desk.executions(query)?),
        }
    }

    /// See [`Desk::execution`].
    pub(crate) async fn execution(
        &self,
        id: &str,
        body: bool,
    ) -> anyhow::Result<ExecutionDetailView> {
        match self {
            Self::Server(server) => {
                server
                    .get(&format!("executions/{}", segment(id)), &[("body", body)])
                    .await
            }
            Self::Directory(desk) => Ok(desk.execution(id, body)?),
        }
    }

    /// See [`Desk::fulfil`].
    pub(crate) async fn fulfil(
        &self,
        id: &str,
        wish: Wish,
        reason: Option<String>,
    ) -> anyhow::Result<ExecutionDetailView> {
        match self {
            Self::Server(server) => {
                let verb = match wish {
                    Wish::Redrive => "redrive",
                    Wish::Stop { .. } => "stop",
                };
                let body = serde_json::to_value(ActRequest { reason })?;
                server
                    .post(&format!("executions/{}/{verb}", segment(id)), &body)
                    .await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, reason.as_deref());
                Ok(desk.fulfil(id, wish, &by).await?)
            }
        }
    }

    /// Does something with many at once, tells `progress` how far it has come, and ends early when
    /// `cancel`led. How it then stands.
    pub(crate) async fn bulk(
        &self,
        request: &BulkRequest,
        progress: impl Fn(&BulkView),
        cancel: &CancellationToken,
    ) -> anyhow::Result<BulkView> {
        let server = match self {
            Self::Server(server) => server,
            Self::Directory(desk) => {
                let board = Board::default();
                let mut run = pin!(board.run_here(desk, (request.clone(), HERE), cancel));
                loop {
                    tokio::select! {
                        ended = &mut run => return Ok(ended?),
                        () = tokio::time::sleep(BULK_PAUSE) => {}
                    }
                    board.all().iter().for_each(&progress);
                }
            }
        };
        let mut body = serde_json::to_value(request)?;
        let path = match request.action {
            BulkAction::Redrive | BulkAction::Stop | BulkAction::Notify => "bulk/executions",
            BulkAction::Promote => {
                // That is said by the path.
                body.as_object_mut().map(|fields| fields.remove("action"));
                "bulk/quarantine"
            }
        };
        let mut view: BulkView = server.post(path, &body).await?;
        let path = format!("bulk/{}", view.id);
        let mut told = false;
        while view.state == BulkState::Running {
            progress(&view);
            if cancel.is_cancelled() && !told {
                told = true;
                let _: BulkView = server.post(&format!("{path}/cancel"), &Value::Null).await?;
            }
            tokio::select! {
                () = tokio::time::sleep(BULK_PAUSE) => {}
                () = cancel.cancelled(), if !told => {}
            }
            view = server.get(&path, &[(); 0]).await?;
        }
        Ok(view)
    }

    /// See [`Board::all`].
    pub(crate) async fn bulk_runs(&self) -> anyhow::Result<Vec<BulkView>> {
        match self {
            Self::Server(server) => server.get("bulk", &[(); 0]).await,
            Self::Directory(_) => bail!("no server runs here, and runs are its own"),
        }
    }

    /// See [`Board::cancel`].
    pub(crate) async fn cancel_bulk(&self, id: u64) -> anyhow::Result<BulkView> {
        match self {
            Self::Server(server) => {
                server
                    .post(&format!("bulk/{id}/cancel"), &Value::Null)
                    .await
            }
            Self::Directory(_) => bail!("no server runs here, and runs are its own"),
        }
    }

    /// See [`Desk::audit`].
    pub(crate) async fn audit(&self, query: &ListQuery) -> anyhow::Result<PageView<ActView>> {
        match self {
            Self::Server(server) => server.get("audit", query).await,
            Self::Directory(desk) => Ok(desk.audit(query)?),
        }
    }

    /// See [`alerts::Alerts::view`]. Without a server the book says how they stood when it was
    /// written last, and `config` what is looked at.
    pub(crate) async fn alerts(&self, config: &AlertsConfig) -> anyhow::Result<AlertsView> {
        match self {
            Self::Server(server) => server.get("alerts", &[(); 0]).await,
            Self::Directory(desk) => {
                let book = alerts::kept_book(&*desk.store)?;
                Ok(AlertsView::new(config, &book, (&[], None)))
            }
        }
    }

    /// See [`Desk::quarantine`].
    pub(crate) async fn quarantine(
        &self,
        query: &ListQuery,
    ) -> anyhow::Result<PageView<QuarantineView>> {
        match self {
            Self::Server(server) => server.get("quarantine", query).await,
            Self::Directory(desk) => Ok(desk.quarantine(query)?),
        }
    }

    /// See [`Desk::quarantined`].
    pub(crate) async fn quarantined(
        &self,
        id: u64,
        body: bool,
    ) -> anyhow::Result<QuarantineDetailView> {
        match self {
            Self::Server(server) => {
                server
                    .get(&format!("quarantine/{id}"), &[("body", body)])
                    .await
            }
            Self::Directory(desk) => Ok(desk.quarantined(id, body)?),
        }
    }

    /// See [`Desk::promote`].
    pub(crate) async fn promote(
        &self,
        id: u64,
        reason: Option<String>,
    ) -> anyhow::Result<PromotedView> {
        match self {
            Self::Server(server) => {
                let body = serde_json::to_value(ActRequest { reason })?;
                server
                    .post(&format!("quarantine/{id}/promote"), &body)
                    .await
            }
            Self::Directory(desk) => {
                let by = By::new(HERE, reason.as_deref());
                Ok(desk.promote(id, &by).await?)
            }
        }
    }
}

/// Sends a test message to the targets of alerts, or to one: by the server that runs, so that it is
/// its way that is tested, or from here when none does.
///
/// # Errors
/// There is no such target, or one cannot be used.
pub(crate) async fn test_alerts(
    config: &Config,
    target: Option<&str>,
) -> anyhow::Result<Vec<TestedView>> {
    let no_such = || {
        anyhow!(
            "there is no target {} in [alerts.targets]",
            target.unwrap_or("")
        )
    };
    if let Some(server) = running_server(config, &config.store.path).await? {
        if let Some(name) = target {
            let view: AlertsView = server.get("alerts", &[(); 0]).await?;
            let mut names = view.targets.iter().map(|target| &target.name);
            names.find(|each| *each == name).ok_or_else(no_such)?;
        }
        let request = TestRequest {
            target: target.map(str::to_owned),
        };
        return server
            .post("alerts/test", &serde_json::to_value(request)?)
            .await;
    }
    let tested = alerts::test(&config.alerts, target, (&SystemClock, &SystemLuck)).await?;
    let tested = tested.ok_or_else(no_such)?;
    Ok(tested.into_iter().map(TestedView::new).collect())
}

/// The server that runs on the data directory, if one answers.
async fn running_server(config: &Config, directory: &Path) -> anyhow::Result<Option<Server>> {
    let Some(runtime) = RuntimeFile::read(directory) else {
        return Ok(None);
    };
    let client = Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIMEOUT)
        .build()?;
    let base = format!("http://{}", runtime.admin);
    let greeted = client
        .get(format!("{base}/healthz"))
        .timeout(GREETING_TIMEOUT)
        .send()
        .await
        .is_ok();
    if !greeted {
        // It was killed and left its file behind.
        return Ok(None);
    }
    let token = match &config.admin.token_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read admin.token_file {}", path.display()))?
            .trim()
            .to_owned(),
        None => runtime_file::kept_token(directory)
            .ok_or_else(|| anyhow!("cannot read the admin token in {}", directory.display()))?,
    };
    Ok(Some(Server {
        client,
        base,
        token,
    }))
}

impl Server {
    fn dashboard(&self, path: &str) -> String {
        let admin = Operator {
            name: ADMIN.to_owned(),
            role: Role::Operate,
            token: Secret::new(ADMIN, self.token.as_bytes()),
        };
        let ticket = session::ticket(&admin, SystemClock.now());
        let next = segment(path);
        format!("{}/sign-in?next={next}&ticket={ticket}", self.base)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &(impl Serialize + ?Sized),
    ) -> anyhow::Result<T> {
        self.ask(self.request(Method::GET, path).query(query)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        // With its own key it can be sent again when no answer comes, and is done once all the same.
        let key = format!(
            "{:016x}{:016x}",
            SystemLuck.next_u64(),
            SystemLuck.next_u64()
        );
        let mut attempt = 1;
        loop {
            let request = self.request(Method::POST, path).json(body);
            let request = request.header(IDEMPOTENCY_KEY, &key);
            match request.send().await {
                Ok(response) => return Self::read(response).await,
                Err(_) if attempt < POST_ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error).context("the server does not answer"),
            }
            tokio::time::sleep(POST_PAUSE).await;
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/api/{path}", self.base))
            .bearer_auth(&self.token)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        Self::read(request.send().await.context("the server does not answer")?).await
    }

    async fn read<T: DeserializeOwned>(response: reqwest::Response) -> anyhow::Result<T> {
        if response.status().is_success() {
            return response
                .json()
                .await
                .context("the server's answer cannot be read");
        }
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or_default();
        match problem.get("detail").and_then(Value::as_str) {
            Some(detail) => bail!("{detail}"),
            None => bail!("the server answered {status}"),
        }
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_key_stays_one_segment() {
        assert_eq!(segment("generic/evt 1#é"), "generic%2Fevt%201%23%C3%A9");
    }
}
