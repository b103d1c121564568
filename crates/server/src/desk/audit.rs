//! The audit log: what people do is written down before it is done, and again when it has ended.

use engine::operator::NotDone;
use engine::store::{Act, ActEnd, Action, Store};
use tracing::{info, warn};

use super::{Desk, ListQuery, page_size, page_view};
use crate::view::{ActView, PageView};

/// Longest reason that is kept, in characters.
pub(crate) const REASON_MAX: usize = 500;

/// Who acts, and why.
#[derive(Debug, Clone)]
pub(crate) struct By {
    operator: String,
    reason: String,
}

impl By {
    /// Somebody with their reason, or with none. What would forge a line of a log is left out.
    pub(crate) fn new(operator: &str, reason: Option<&str>) -> Self {
        let words = reason.unwrap_or_default().trim().chars();
        Self {
            operator: operator.to_owned(),
            reason: words
                .filter(|letter| !letter.is_control())
                .take(REASON_MAX)
                .collect(),
        }
    }

    /// Who.
    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    /// Why; empty when nobody said.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl<S: Store> Desk<S> {
    /// The log, newest first.
    pub(crate) fn audit(&self, query: &ListQuery) -> Result<PageView<ActView>, NotDone> {
        let page = self.store.list_acts(query.before, page_size(query.limit))?;
        Ok(page_view(&page, ActView::new))
    }

    /// Does something and has it in the log. Without a log nothing is done.
    pub(crate) async fn on_record<T>(
        &self,
        by: &By,
        (action, target): (Action, String),
        done: impl Future<Output = Result<T, NotDone>>,
    ) -> Result<T, NotDone> {
        let By { operator, reason } = by;
        info!(
            operator,
            action = action.as_str(),
            act_target = target,
            reason,
            "an operator acts"
        );
        let act = Act {
            at: self.clock.now(),
            operator: operator.clone(),
            action,
            target,
            reason: reason.clone(),
        };
        let id = self.store.record_act(act).await?;
        let done = done.await;
        let end = match &done {
            Ok(_) => ActEnd::Done,
            Err(why) => ActEnd::NotDone {
                why: why.to_string(),
            },
        };
        if let Err(unavailable) = self.store.end_act(id, end).await {
            // What was done stays done; the log shows an act without an end.
            warn!(%unavailable, id, "the end of an act could not be written down");
        }
        done
    }
}
