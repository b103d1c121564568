//! Where the front door's sources come from.
//!
//! On one machine they are configured once ([`FixedSources`]). On AWS their secrets are rotated
//! under a running process, so the front door asks anew for each webhook, and once more when a
//! signature matches no secret that was known.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use domain::source::{Source, SourceName};
use futures_util::future::BoxFuture;

/// Who may send, as it is known now.
pub trait Sources: Send + Sync + 'static {
    /// The source of that name with every secret that is known; `None` when nobody has that
    /// name.
    fn find<'a>(
        &'a self,
        name: &'a SourceName,
    ) -> BoxFuture<'a, Result<Option<Arc<Source>>, SecretsUnavailable>>;

    /// The same source with newer secrets than `judged` has, if there are any. Asked when a
    /// signature matched none of them; a forger can make us ask as often as he likes, so an
    /// implementation that reaches outside must bound how often it does.
    fn renew<'a>(&'a self, judged: &'a Source) -> BoxFuture<'a, Option<Arc<Source>>>;

    /// Every source that is known without asking anybody: what a refusal is explained with.
    fn known(&self) -> Vec<Source> {
        Vec::new()
    }
}

/// The secrets of a source cannot be had now. Ours and passing: the sender must try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the source's secrets cannot be had now")]
pub struct SecretsUnavailable;

/// Sources that stay what they are.
#[derive(Debug, Default)]
pub struct FixedSources(HashMap<SourceName, Arc<Source>>);

/// Of sources with the same name the last one counts.
impl From<Vec<Source>> for FixedSources {
    fn from(sources: Vec<Source>) -> Self {
        let named = |source: Source| (source.name.clone(), Arc::new(source));
        Self(sources.into_iter().map(named).collect())
    }
}

impl Sources for FixedSources {
    fn find<'a>(
        &'a self,
        name: &'a SourceName,
    ) -> BoxFuture<'a, Result<Option<Arc<Source>>, SecretsUnavailable>> {
        Box::pin(ready(Ok(self.0.get(name).cloned())))
    }

    fn renew<'a>(&'a self, _judged: &'a Source) -> BoxFuture<'a, Option<Arc<Source>>> {
        Box::pin(ready(None))
    }

    fn known(&self) -> Vec<Source> {
        self.0.values().map(|source| (**source).clone()).collect()
    }
}
