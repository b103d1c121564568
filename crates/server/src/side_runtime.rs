//! A runtime beside the one that takes webhooks in: what people ask for runs there.
//!
//! A page that reads much holds its thread for some milliseconds. On the runtime that takes
//! webhooks in, those that came meanwhile would wait as long.

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};

/// How far its thread stands back: it still gets about a tenth of a processor that others want whole.
const NICENESS: i32 = 10;

/// One thread with a runtime of its own.
#[derive(Debug)]
pub(crate) struct SideRuntime(Option<Runtime>);

impl SideRuntime {
    /// Starts the thread; `name` is what the system shows of it.
    ///
    /// # Errors
    /// The system gives no thread or no file descriptor.
    pub(crate) fn start(name: &str) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .on_thread_start(step_back)
            .enable_all()
            .build()
            .with_context(|| format!("the runtime {name} cannot be started"))?;
        Ok(Self(Some(runtime)))
    }

    /// Where its tasks are started.
    ///
    /// # Panics
    /// Never: it is there until it is dropped.
    #[expect(clippy::expect_used, reason = "it is taken out only when dropped")]
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("a runtime until dropped").handle()
    }

    /// Makes it the one that hears of this listener's callers.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn adopt(&self, listener: TcpListener) -> std::io::Result<TcpListener> {
        let listener = listener.into_std()?;
        let _entered = self.handle().enter();
        TcpListener::from_std(listener)
    }
}

/// Has this thread wait where the others want the processor: a page may come a moment later, a
/// provider's answer should not. On Linux a priority is a thread's own.
fn step_back() {
    // Where it is not allowed, or means something else, pages are as urgent as webhooks.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}

impl Drop for SideRuntime {
    fn drop(&mut self) {
        // Waiting for a runtime's end is not allowed on another's thread. What still runs there has
        // had its time to end.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
