//! The conformance suite of the ports, on the SQLite store.

use std::path::{Path, PathBuf};

use engine::store::QuarantineBounds;
use store_sqlite::{KEY_NAME, Options, SqliteStore};
use tempfile::TempDir;
use testbed::store_suite::{Ending, Opener};

/// A place is a data directory. A crash leaves there what the files held while the store was
/// open, which is what a killed process leaves.
struct Place {
    home: TempDir,
    options: Options,
    /// How often it has crashed: each time it goes on in a copy.
    crashes: u32,
}

impl Place {
    fn directory(&self) -> PathBuf {
        self.home.path().join(self.crashes.to_string())
    }
}

impl Opener for Place {
    type Store = SqliteStore;

    fn new(quarantine: QuarantineBounds) -> Self {
        Self {
            home: TempDir::new().expect("a temporary directory"),
            options: Options {
                quarantine,
                ..Options::default()
            },
            crashes: 0,
        }
    }

    async fn open(&mut self) -> SqliteStore {
        SqliteStore::open(self.directory(), &self.options).expect("a store that opens")
    }

    async fn end(&mut self, store: SqliteStore, ending: Ending) {
        match ending {
            Ending::Clean => store.close().expect("a store that closes"),
            Ending::Crash => {
                let before = self.directory();
                self.crashes += 1;
                copy(&before, &self.directory());
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a new directory");
    // The WAL's index lives in shared memory and dies with its processes.
    for name in ["payhook.db", "payhook.db-wal", KEY_NAME] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).expect("a copied file");
        }
    }
}

testbed::store_suite!(Place);

#[test]
fn random_operations_do_what_they_do_in_the_memory_store() {
    for seed in [1, 2] {
        testbed::differential::compare_with_memory::<Place>(seed, 150);
    }
}
