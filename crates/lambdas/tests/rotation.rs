//! Secrets that are rotated under a running function, and a vault that is away.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use domain::providers::{Provider, ProviderId, Settings};
use domain::source::{Handling, Source, SourceName};
use domain::time::{Millis, Timestamp};
use engine::clock::ManualClock;
use engine::ingress::{SecretsUnavailable, Sources as _};
use lambdas::secrets::{RotatingSources, RotationSettings, SourceSettings};
use lambdas::vault::{Stage, Vault, VaultUnavailable, Version};
use testbed::store_suite::block_on;

/// A vault in memory: what the service would answer.
#[derive(Default)]
struct Shelf {
    versions: Mutex<Vec<Version>>,
    is_away: Mutex<bool>,
    asked: AtomicU32,
}

struct World {
    shelf: Arc<Shelf>,
    clock: ManualClock,
    sources: RotatingSources<OnShelf>,
}

/// The shelf, shared with the test.
struct OnShelf(Arc<Shelf>);

impl Vault for OnShelf {
    async fn versions(&self, secret_id: &str) -> Result<Vec<Version>, VaultUnavailable> {
        assert_eq!(secret_id, "the-secret");
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        if *self.0.is_away.lock().expect("no panic") {
            return Err(VaultUnavailable);
        }
        Ok(self.0.versions.lock().expect("no panic").clone())
    }

    async fn current(&self, _secret_id: &str) -> Result<Version, VaultUnavailable> {
        panic!("a source's secret is read with all its versions")
    }
}

const START: i64 = 1_000_000;

fn version(stage: Stage, id: &str, since: i64) -> Version {
    Version {
        stage,
        id: id.to_owned(),
        since: Timestamp::from_millis(since),
        value: id.as_bytes().to_vec(),
    }
}

impl World {
    fn new(versions: Vec<Version>) -> Self {
        let shelf = Arc::new(Shelf::default());
        let clock = ManualClock::at(Timestamp::from_millis(START));
        let settings = SourceSettings {
            provider: Provider::try_new(ProviderId::Generic, Settings::default())
                .expect("a provider without settings"),
            when_authenticated: Handling::Accept,
            key_id: None,
            secret_id: "the-secret".to_owned(),
        };
        let rotation = RotationSettings {
            refresh: Millis::from_secs(300),
            grace: Millis::from_secs(3600),
        };
        let world = Self {
            sources: RotatingSources::new(
                OnShelf(Arc::clone(&shelf)),
                HashMap::from([(SourceName::generic(), settings)]),
                rotation,
                Arc::new(clock.clone()),
            ),
            shelf,
            clock,
        };
        world.rotate(versions);
        world
    }

    fn rotate(&self, versions: Vec<Version>) {
        *self.shelf.versions.lock().expect("no panic") = versions;
    }

    fn go_away(&self, is_away: bool) {
        *self.shelf.is_away.lock().expect("no panic") = is_away;
    }

    fn asked(&self) -> u32 {
        self.shelf.asked.load(Ordering::Relaxed)
    }

    fn after(&self, seconds: i64) {
        let now = engine::clock::Clock::now(&self.clock).as_millis();
        self.clock
            .set(Timestamp::from_millis(now + seconds * 1_000));
    }

    async fn find(&self) -> Result<Arc<Source>, SecretsUnavailable> {
        let found = self.sources.find(&SourceName::generic()).await?;
        Ok(found.expect("a source of that name"))
    }
}

fn labels(source: &Source) -> Vec<&str> {
    source
        .secrets
        .iter()
        .map(domain::secret::Secret::label)
        .collect()
}

#[test]
fn secrets_are_read_when_needed_and_again_when_old() {
    block_on(async {
        let world = World::new(vec![version(Stage::Current, "11111111-a", START)]);
        assert_eq!(world.asked(), 0);
        for _ in 0..3 {
            assert_eq!(
                labels(&world.find().await.expect("known")),
                ["current-11111111"]
            );
        }
        assert_eq!(world.asked(), 1);
        world.rotate(vec![
            version(Stage::Current, "22222222-b", START + 1_000),
            version(Stage::Pending, "33333333-c", START + 2_000),
            version(Stage::Previous, "11111111-a", START),
        ]);
        world.after(299);
        assert_eq!(
            labels(&world.find().await.expect("known")),
            ["current-11111111"]
        );
        world.after(1);
        let source = world.find().await.expect("known");
        assert_eq!(
            labels(&source),
            ["current-22222222", "pending-33333333", "previous-11111111"]
        );
        // The one before retires a grace time after the rotation, to the millisecond.
        let previous = &source.secrets[2];
        let end = START + 1_000 + 3_600_000;
        assert!(previous.is_live(Timestamp::from_millis(end - 1)));
        assert!(!previous.is_live(Timestamp::from_millis(end)));
        assert!(source.secrets[0].retires_at().is_none());
        let unknown = SourceName::try_new("unknown").expect("a name");
        let found = world.sources.find(&unknown).await.expect("answered");
        assert!(found.is_none());
    });
}

#[test]
fn a_signature_that_matches_nothing_has_the_secrets_read_anew_but_not_for_ever() {
    block_on(async {
        let world = World::new(vec![version(Stage::Current, "11111111-a", START)]);
        let judged = world.find().await.expect("known");
        world.rotate(vec![version(Stage::Current, "22222222-b", START)]);
        let renewed = world.sources.renew(&judged).await.expect("newer");
        assert_eq!(labels(&renewed), ["current-22222222"]);
        // Another webhook that was judged by the old ones needs no call.
        let asked = world.asked();
        assert!(world.sources.renew(&judged).await.is_some());
        assert_eq!(world.asked(), asked);
        // A forger gets a few calls out of us, and then one for each pause.
        for _ in 0..50 {
            assert!(world.sources.renew(&renewed).await.is_none());
        }
        assert_eq!(world.asked(), asked + 4);
        world.after(10);
        for _ in 0..50 {
            assert!(world.sources.renew(&renewed).await.is_none());
        }
        assert_eq!(world.asked(), asked + 5);
    });
}

#[test]
fn when_the_vault_is_away_the_old_secrets_go_on_and_without_any_the_sender_waits() {
    block_on(async {
        let world = World::new(vec![version(Stage::Current, "11111111-a", START)]);
        world.go_away(true);
        assert_eq!(world.find().await.err(), Some(SecretsUnavailable));
        assert_eq!(world.find().await.err(), Some(SecretsUnavailable));
        world.go_away(false);
        assert_eq!(
            labels(&world.find().await.expect("known")),
            ["current-11111111"]
        );
        world.go_away(true);
        world.after(301);
        let asked = world.asked();
        for _ in 0..3 {
            assert_eq!(
                labels(&world.find().await.expect("known")),
                ["current-11111111"]
            );
        }
        assert_eq!(world.asked(), asked + 1, "it is not asked at every webhook");
        // But soon: a secret that was taken away must not stay for long.
        world.go_away(false);
        world.rotate(vec![version(Stage::Current, "22222222-b", START)]);
        world.after(4);
        let source = world.find().await.expect("known");
        assert_eq!(labels(&source), ["current-11111111"]);
        world.after(1);
        let source = world.find().await.expect("known");
        assert_eq!(labels(&source), ["current-22222222"]);
        world.after(299);
        world.find().await.expect("known");
        assert_eq!(world.asked(), asked + 2);
    });
}
