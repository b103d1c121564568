//! One alert from quiet to firing and back: when somebody is told, and when not.
//!
//! Pure: the caller says what is seen and what time it is. The table:
//!
//! ```text
//! state          seen     and                                     next           told
//! quiet          bad      nothing has to last                     firing         fired
//! quiet          bad                                              pending        -
//! pending        bad      for as long as it has to last           firing         fired
//! pending        fine                                             quiet          -
//! firing         bad      twice as bad as was told, a while ago   firing         worse
//! firing         bad      not told for as long as is repeated     firing         still
//! firing         fine     for as long as it has to be calm        quiet          resolved
//! any            unknown                                          as it was      -
//! ```

use domain::time::{Millis, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen of an alert at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is wrong.
    Bad,
    /// It is not.
    Fine,
    /// It cannot be told: the store does not answer, or too little was seen yet.
    Unknown,
}

/// How patient an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How long it must be wrong before anybody is told.
    pub(crate) lasting: Millis,
    /// How long it must be fine before it is over.
    pub(crate) calm: Millis,
    /// After how long it is told again; never where there is none.
    pub(crate) repeat: Option<Millis>,
}

/// What somebody is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Turn {
    /// It has begun.
    Fired,
    /// It has become much worse.
    Worse,
    /// It goes on.
    Still,
    /// It is over.
    Resolved,
    /// Nobody looks at it any more: the rule is off, or its source is gone.
    Unwatched,
}

/// One alert's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Watch {
    phase: Phase,
    /// How often it has begun anew soon after it was over, one after the other.
    #[serde(default)]
    flaps: u32,
    /// When it was over last.
    #[serde(default)]
    over_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    #[default]
    Quiet,
    Pending {
        since: Timestamp,
    },
    Firing {
        since: Timestamp,
        told_at: Timestamp,
        told_level: u64,
        calm_since: Option<Timestamp>,
    },
}

/// How a [`Watch`] stands, for whoever looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Nothing is wrong.
    Quiet,
    /// It is wrong, but not for long enough.
    Pending,
    /// It is wrong, and was told.
    Firing,
}

/// One that begins anew within this time after it was over flaps.
const FLAP_MEMORY: Millis = Millis::from_secs(3600);

/// The shortest calm that is asked of one that flaps, and the longest.
const FLAP_CALM: (Millis, Millis) = (Millis::from_secs(60), Millis::from_secs(3600));

/// No "worse" within this time after anything was told: a flood that rises is one alert.
const WORSE_PAUSE: Millis = Millis::from_secs(900);

impl Watch {
    /// Takes in what was seen at `now`. `level` says how bad it is, for one that can become worse.
    pub(crate) fn step(
        &mut self,
        verdict: Verdict,
        level: u64,
        pace: &Pace,
        now: Timestamp,
    ) -> Option<Turn> {
        self.forget_the_future(now);
        match (verdict, &mut self.phase) {
            (Verdict::Unknown, _) | (Verdict::Fine, Phase::Quiet) => None,
            (Verdict::Bad, Phase::Quiet) => {
                self.phase = Phase::Pending { since: now };
                self.mature(now, level, pace, now)
            }
            (Verdict::Bad, Phase::Pending { since }) => {
                let since = *since;
                self.mature(since, level, pace, now)
            }
            (Verdict::Fine, Phase::Pending { .. }) => {
                self.phase = Phase::Quiet;
                None
            }
            (
                Verdict::Bad,
                Phase::Firing {
                    told_at,
                    told_level,
                    calm_since,
                    ..
                },
            ) => {
                *calm_since = None;
                let ago = now.since(*told_at);
                let is_worse = *told_level > 0 && level / 2 >= *told_level;
                let turn = if is_worse && ago >= WORSE_PAUSE {
                    Turn::Worse
                } else if pace.repeat.is_some_and(|repeat| ago >= repeat) {
                    Turn::Still
                } else {
                    return None;
                };
                (*told_at, *told_level) = (now, level);
                Some(turn)
            }
            (Verdict::Fine, Phase::Firing { calm_since, .. }) => {
                let calm = now.since(*calm_since.get_or_insert(now));
                if calm < calm_needed(self.flaps, pace) {
                    return None;
                }
                self.phase = Phase::Quiet;
                self.over_at = Some(now);
                Some(Turn::Resolved)
            }
        }
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        match self.phase {
            Phase::Quiet => Standing::Quiet,
            Phase::Pending { .. } => Standing::Pending,
            Phase::Firing { .. } => Standing::Firing,
        }
    }

    /// Since when it is wrong; `None` when it is not.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Quiet => None,
            Phase::Pending { since } | Phase::Firing { since, .. } => Some(since),
        }
    }

    /// Whether it can be forgotten: it is quiet, and too long over to flap.
    pub(crate) fn is_forgettable(&self, now: Timestamp) -> bool {
        let recently = self.over_at.is_some_and(|at| now.since(at) < FLAP_MEMORY);
        self.phase == Phase::Quiet && !recently
    }

    /// Fires if it has been wrong for long enough.
    fn mature(
        &mut self,
        since: Timestamp,
        level: u64,
        pace: &Pace,
        now: Timestamp,
    ) -> Option<Turn> {
        if now.since(since) < pace.lasting {
            return None;
        }
        let flaps = self.over_at.is_some_and(|at| now.since(at) < FLAP_MEMORY);
        self.flaps = if flaps {
            self.flaps.saturating_add(1)
        } else {
            0
        };
        self.phase = Phase::Firing {
            since,
            told_at: now,
            told_level: level,
            calm_since: None,
        };
        Some(Turn::Fired)
    }

    /// A clock that was set back must not keep anything waiting for the time that it showed.
    fn forget_the_future(&mut self, now: Timestamp) {
        let no_later = |at: &mut Timestamp| *at = (*at).min(now);
        self.over_at.iter_mut().for_each(no_later);
        match &mut self.phase {
            Phase::Quiet => {}
            Phase::Pending { since } => no_later(since),
            Phase::Firing {
                since,
                told_at,
                calm_since,
                ..
            } => {
                no_later(since);
                no_later(told_at);
                calm_since.iter_mut().for_each(no_later);
            }
        }
    }
}

/// How long one must be fine before it is over: twice as long with each time that it flapped.
fn calm_needed(flaps: u32, pace: &Pace) -> Millis {
    if flaps == 0 {
        return pace.calm;
    }
    let (least, most) = FLAP_CALM;
    let doubled = pace
        .calm
        .max(least)
        .get()
        .saturating_mul(1 << flaps.min(16));
    Millis::new(doubled).min(most.max(pace.calm))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace {
        lasting: Millis::from_secs(30),
        calm: Millis::from_secs(60),
        repeat: Some(Millis::from_secs(3600)),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    /// Plays lines of `second seen level told`.
    #[track_caller]
    fn check(pace: &Pace, script: &str) {
        let mut watch = Watch::default();
        for line in script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [second, seen, level, told] = words[..] else {
                panic!("{line}");
            };
            let verdict = match seen {
                "bad" => Verdict::Bad,
                "fine" => Verdict::Fine,
                _ => Verdict::Unknown,
            };
            let now = at(second.parse().unwrap());
            let turn = watch.step(verdict, level.parse().unwrap(), pace, now);
            let said = turn.map_or("-".to_owned(), |turn| format!("{turn:?}").to_lowercase());
            assert_eq!(said, told, "{line}: {watch:?}");
            // What is kept is what goes on.
            let kept = serde_json::to_string(&watch).unwrap();
            assert_eq!(serde_json::from_str::<Watch>(&kept).unwrap(), watch);
        }
    }

    #[test]
    fn it_fires_once_is_repeated_and_resolved_once() {
        check(
            &PACE,
            "
            0     fine    0  -
            10    bad     1  -
            20    fine    0  -
            30    bad     1  -
            59    bad     1  -
            60    bad     1  fired
            75    bad     1  -
            3659  bad     1  -
            3660  bad     1  still
            3675  fine    0  -
            3734  fine    0  -
            3735  fine    0  resolved
            3750  fine    0  -
            ",
        );
    }

    #[test]
    fn what_lasts_no_time_fires_at_once_and_calm_begins_anew_with_each_bad_look() {
        let pace = Pace {
            lasting: Millis::new(0),
            repeat: None,
            ..PACE
        };
        check(
            &pace,
            "
            0       bad     0  fired
            10      fine    0  -
            69      bad     0  -
            70      fine    0  -
            129     fine    0  -
            130     fine    0  resolved
            999999  bad     0  fired
            9999999 bad     0  -
            ",
        );
    }

    #[test]
    fn what_cannot_be_told_changes_nothing() {
        check(
            &PACE,
            "
            0     unknown 0  -
            10    bad     1  -
            20    unknown 0  -
            40    bad     1  fired
            50    fine    0  -
            200   unknown 0  -
            210   fine    0  resolved
            ",
        );
    }

    #[test]
    fn twice_as_bad_is_told_again_after_a_while() {
        check(
            &PACE,
            "
            0     bad     3  -
            30    bad     3  fired
            60    bad     6  -
            929   bad     6  -
            930   bad     5  -
            931   bad     6  worse
            1900  bad     11 -
            1901  bad     12 worse
            5501  bad     12 still
            ",
        );
    }

    #[test]
    fn what_flaps_must_be_calm_for_twice_as_long_each_time() {
        check(
            &PACE,
            "
            0     bad     1  -
            30    bad     1  fired
            40    fine    0  -
            100   fine    0  resolved
            110   bad     1  -
            140   bad     1  fired
            150   fine    0  -
            269   fine    0  -
            270   fine    0  resolved
            280   bad     1  -
            310   bad     1  fired
            320   fine    0  -
            559   fine    0  -
            560   fine    0  resolved
            4160  bad     1  -
            4190  bad     1  fired
            4200  fine    0  -
            4260  fine    0  resolved
            ",
        );
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nothing_waiting() {
        check(
            &PACE,
            "
            100000 bad    1  -
            100030 bad    1  fired
            100040 fine   0  -
            10     fine   0  -
            70     fine   0  resolved
            80     bad    1  -
            20     bad    1  -
            50     bad    1  fired
            3650   bad    1  still
            ",
        );
    }

    fn seen() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::Bad),
            Just(Verdict::Fine),
            Just(Verdict::Unknown)
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_seen_a_beginning_and_an_end_take_turns(
            looks in prop::collection::vec((seen(), 0_u64..100, -300_i64..3000), 1..200),
            lasting in 0_u64..120,
            calm in 0_u64..120,
            repeat in prop::option::of(1_u64..4000),
        ) {
            let pace = Pace {
                lasting: Millis::from_secs(lasting),
                calm: Millis::from_secs(calm),
                repeat: repeat.map(Millis::from_secs),
            };
            let (mut watch, mut now, mut is_open) = (Watch::default(), 0, false);
            for (verdict, level, step) in looks {
                now += step;
                let before = watch.clone();
                let turn = watch.step(verdict, level, &pace, at(now));
                match turn {
                    Some(Turn::Fired) => {
                        prop_assert!(!is_open && verdict == Verdict::Bad);
                        is_open = true;
                    }
                    Some(Turn::Worse | Turn::Still) => {
                        prop_assert!(is_open && verdict == Verdict::Bad);
                    }
                    Some(Turn::Resolved) => {
                        prop_assert!(is_open && verdict == Verdict::Fine);
                        is_open = false;
                    }
                    Some(Turn::Unwatched) => prop_assert!(false, "it was watched"),
                    None => {}
                }
                prop_assert_eq!(is_open, watch.standing() == Standing::Firing);
                if verdict == Verdict::Unknown {
                    prop_assert_eq!((turn, before.standing()), (None, watch.standing()));
                }
                prop_assert!(watch.since().is_none_or(|since| since <= at(now)));
            }
            // Calm for long enough ends everything.
            for _ in 0..2 {
                now += 4000;
                if watch.step(Verdict::Fine, 0, &pace, at(now)) == Some(Turn::Resolved) {
                    is_open = false;
                }
            }
            prop_assert!(!is_open && watch.standing() == Standing::Quiet);
        }
    }
}
