//! What an attack costs, read from the system.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::until_async;
use crate::support::webhook::Webhook;

/// One mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;

/// A server under attack.
pub(crate) struct Victim {
    pub(crate) home: Home,
    pub(crate) server: Server,
    resident_before: u64,
    files_before: u64,
}

/// What an attack has cost at its worst.
#[derive(Debug)]
pub(crate) struct Cost {
    /// More memory than before, in bytes.
    pub(crate) resident: u64,
    /// More open files than before, at the end of the attack.
    pub(crate) files: u64,
    /// Bytes in the data directory.
    pub(crate) disk: u64,
}

impl Victim {
    /// A server that has already done what it does only once.
    pub(crate) async fn new(changes: &str) -> Self {
        let home = Home::new("");
        home.configure(&format!("log = {{ filter = 'info' }}\n{changes}"));
        let server = Server::start(&home);
        server
            .send(&Webhook::payment("p", "first"))
            .await
            .accepts("stored");
        let id = server.process.id();
        Self {
            home,
            resident_before: status(id, "VmRSS:"),
            files_before: open_files(id),
            server,
        }
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> Cost {
        let id = self.server.process.id();
        Cost {
            resident: status(id, "VmHWM:").saturating_sub(self.resident_before),
            files: open_files(id).saturating_sub(self.files_before),
            disk: folder_bytes(&self.home.data()),
        }
    }

    /// Sends a genuine webhook until it is kept; says how long that took.
    pub(crate) async fn recovers(&self) -> Duration {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let webhook = Webhook::payment("p", &format!("recovers-{number}"));
        let begun = Instant::now();
        until_async("a genuine webhook is kept", async || {
            let client = Server::impatient_client();
            let answer = webhook.request(&client, self.server.listen).send().await;
            answer.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        begun.elapsed()
    }
}

/// One line of figures.
pub(crate) fn report(attack: &str, cost: &Cost, times: &[(&str, Duration)]) {
    let times: Vec<_> = times
        .iter()
        .map(|(what, time)| format!("{what} {} ms", time.as_millis()))
        .collect();
    println!(
        "{attack}: memory +{:.1} MiB, open files +{}, data {:.1} MiB, {}",
        cost.resident as f64 / MIB as f64,
        cost.files,
        cost.disk as f64 / MIB as f64,
        times.join(", ")
    );
}

/// A line of `/proc/<id>/status`, in bytes.
fn status(id: u32, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

fn open_files(id: u32) -> u64 {
    let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
    u64::try_from(files.count()).unwrap()
}

/// Bytes of the files directly in `folder`.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().metadata().map_or(0, |about| about.len()))
        .sum()
}
