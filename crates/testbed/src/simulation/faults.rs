//! What goes wrong, and when: delays, planned crashes, reads that fail, and the deliberate bugs
//! that prove the oracle awake.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Mutex;

use domain::delivery::BodyHash;
use domain::source::SourceName;
use domain::time::Millis;
use engine::clock::Clock as _;
use engine::store::Unavailable;

use super::Plan;
use super::clock::WorldClock;
use super::luck::SeededLuck;

/// A bug put into the world on purpose. The oracle must find each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The store says that it has taken custody, and has not.
    AckWithoutStoring,
    /// The disk forgets the last writes when the process dies.
    DiskForgets,
    /// The feed does not show one of its entries.
    FeedLosesEntry,
    /// The cursor moves past an entry that no execution was started for.
    StartIsLost,
    /// A commit leaves out its last step.
    StepIsLost,
    /// A settlement is not recorded with the progress.
    SettlementIsLost,
    /// A conflicting delivery is answered and not kept.
    ConflictIsDropped,
    /// A repeat is told another timestamp than the first.
    RepeatIsToldOtherwise,
    /// The front door believes a forger.
    ForgerIsBelieved,
    /// The gateway moves money at every call.
    GatewayChargesTwice,
    /// The gateway is asked with a key of each attempt's own.
    KeyOfTheAttempt,
    /// Nobody is told that the feed has grown.
    WakeupIsLost,
    /// The counts are not what is there.
    CountsDrift,
}

/// Where in a write the process is to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Nothing is written.
    BeforeWrite,
    /// Everything is written, and nobody was told.
    AfterWrite,
}

/// What threatens one world. It outlives every process.
#[derive(Debug)]
pub struct Hazards {
    /// The world's bug, if it has one.
    pub mutant: Option<Mutant>,
    /// Whether nothing takes any time by the clock and no read fails, so that who goes round without a pause is
    /// seen.
    is_brisk: bool,
    clock: WorldClock,
    luck: SeededLuck,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calm: bool,
    death: Option<(u64, Death)>,
    dying: bool,
    operations: u64,
    spinning: bool,
    tally: BTreeMap<&'static str, u64>,
    quarantined: BTreeMap<(SourceName, BodyHash), u64>,
}

/// Store operations between two moments at which everybody rests, beyond which somebody spins.
const OPERATIONS_MAX: u64 = 10_000;

impl Hazards {
    /// The dangers of a plan.
    pub fn new(plan: &Plan, clock: WorldClock) -> Self {
        Self {
            mutant: plan.mutant,
            is_brisk: plan.is_brisk,
            clock,
            luck: SeededLuck::new(plan.seed, 2),
            state: Mutex::default(),
        }
    }

    /// Whether the world has this bug.
    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// From now on nothing goes wrong and nothing takes time.
    pub fn calm_down(&self) {
        self.with(|state| {
            state.calm = true;
            state.death = None;
        });
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.with(|state| state.calm)
    }

    /// Lets the process die in the write number `nth` from now (1 is the next).
    pub fn plan_death(&self, nth: u64, death: Death) {
        self.with(|state| state.death = Some((nth, death)));
    }

    /// Whether a planned death has come; the world then ends the process.
    pub fn is_dying(&self) -> bool {
        self.with(|state| state.dying)
    }

    /// A new process has begun.
    pub fn reborn(&self) {
        self.with(|state| {
            state.dying = false;
            state.death = None;
        });
    }

    /// Counts that something happened, to show that the simulation reaches it.
    pub fn note(&self, what: &'static str) {
        self.with(|state| *state.tally.entry(what).or_default() += 1);
    }

    /// How often everything noted has happened.
    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        self.with(|state| state.tally.clone())
    }

    /// The store said that it has set this body apart.
    pub(super) fn note_quarantined(&self, source: SourceName, body_hash: BodyHash) {
        self.with(|state| *state.quarantined.entry((source, body_hash)).or_default() += 1);
    }

    /// How often the store said so of each body.
    pub fn quarantined(&self) -> BTreeMap<(SourceName, BodyHash), u64> {
        self.with(|state| state.quarantined.clone())
    }

    /// Everybody rests; counting begins again. Says whether somebody had been spinning.
    pub fn rest(&self) -> bool {
        self.with(|state| {
            state.operations = 0;
            std::mem::take(&mut state.spinning)
        })
    }

    /// One more store operation.
    ///
    /// # Errors
    /// When there were too many since the last rest: an error makes every loop pause.
    pub(super) fn operate(&self) -> Result<(), Unavailable> {
        self.with(|state| {
            state.operations += 1;
            if state.operations > OPERATIONS_MAX {
                state.spinning = true;
                return Err(Unavailable::Unreadable);
            }
            Ok(())
        })
    }

    /// One more read, which seldom fails.
    pub(super) fn read(&self) -> Result<(), Unavailable> {
        self.operate()?;
        if !self.is_calm() && !self.is_brisk && self.luck.chance(1, 150) {
            self.note("a read failed");
            return Err(Unavailable::Unreadable);
        }
        Ok(())
    }

    /// Takes a while: mostly nothing but a few turns of the others, seldom longer than anybody
    /// is patient.
    pub(super) async fn dawdle(&self) {
        if self.is_calm() {
            return;
        }
        let draw = self.luck.below(200);
        match draw {
            0..=15 if self.is_brisk => {}
            0 => self.pause(2_000, 90_000).await,
            1..=15 => self.pause(1, 300).await,
            16..=110 => {
                for _ in 0..self.luck.between(1, 6) {
                    tokio::task::yield_now().await;
                }
            }
            _ => {}
        }
    }

    async fn pause(&self, low: u64, high: u64) {
        let span = Millis::new(self.luck.between(low, high));
        self.clock.sleep_until(self.clock.now().after(span)).await;
    }

    /// Dies here, for ever, if that is planned for this moment of this write.
    pub(super) async fn survive(&self, moment: Death) {
        let dies = self.with(|state| {
            let Some((nth, death)) = &mut state.death else {
                return false;
            };
            // Counted at the beginning of a write, so that both moments are of the same one.
            if moment == Death::BeforeWrite {
                *nth = nth.saturating_sub(1);
            }
            state.dying |= *nth == 0 && *death == moment;
            state.dying
        });
        if dies {
            pending::<()>().await;
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("nobody panics in here"))
    }
}
