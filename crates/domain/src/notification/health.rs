//! How an endpoint fares, and when it is left alone.
//!
//! One that has failed for days is disabled: whoever runs it has gone, and calls to what may be
//! somebody else's by now help nobody. Only a person enables it again.

use super::{Attempted, DeliveryFailure};
use crate::limits;
use crate::time::{Millis, Timestamp};

/// How an endpoint fares. The default is one of which nothing bad is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Since when no attempt has succeeded; `None` while all is well.
    pub failing_since: Option<Timestamp>,
    /// Attempts that have failed since then.
    pub failures: u32,
    /// The last one that did: when, and why.
    pub last_failure: Option<(Timestamp, DeliveryFailure)>,
    /// Whether it is left alone.
    pub disabled: Option<Disabled>,
}

/// That an endpoint is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: DisabledWhy,
}

/// Why an endpoint is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisabledWhy {
    /// It has failed for too long.
    Failing,
    /// It said that it is gone.
    Gone,
    /// A person said so.
    Operator,
}

/// What happens to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthChange {
    /// An attempt was made.
    Attempted {
        /// What it came to.
        result: Attempted,
        /// How long it may go on failing before it is disabled.
        disable_after: Millis,
    },
    /// A person has it left alone.
    Disable,
    /// A person has it called again.
    Enable,
}

impl Health {
    /// How it fares after `change` at `now`.
    ///
    /// | while | delivered | failed | gone | disable | enable |
    /// |---|---|---|---|---|---|
    /// | well | the same | failing | disabled (gone) | disabled (operator) | the same |
    /// | failing, not yet too long | well | failing | disabled (gone) | disabled (operator) | the same |
    /// | failing for too long | well | disabled (failing) | disabled (gone) | disabled (operator) | the same |
    /// | disabled | disabled, no failures | disabled | disabled | the same | well |
    ///
    /// An attempt that was under way when the endpoint was disabled does not enable it.
    #[must_use]
    pub fn after(self, change: &HealthChange, now: Timestamp) -> Self {
        match change {
            HealthChange::Attempted {
                result,
                disable_after,
            } => match result.failure() {
                None => Self {
                    disabled: self.disabled,
                    ..Self::default()
                },
                Some(failure) => self.failed(failure, *result, *disable_after, now),
            },
            HealthChange::Disable => self.left_alone(DisabledWhy::Operator, now),
            HealthChange::Enable if self.disabled.is_some() => Self::default(),
            HealthChange::Enable => self,
        }
    }

    /// Until when it is not called after its last failure: for as long again as it has been failing,
    /// up to [`limits::NOTIFY_REST_MAX`]. `None` while all is well. However many messages wait for
    /// one that is down, it is called less and less often, and a moment's failure costs nothing.
    pub fn rests_until(self) -> Option<Timestamp> {
        let (since, (failed_at, _)) = (self.failing_since?, self.last_failure?);
        let rest = failed_at.since(since).min(limits::NOTIFY_REST_MAX);
        Some(failed_at.after(rest))
    }

    fn failed(
        self,
        failure: DeliveryFailure,
        result: Attempted,
        disable_after: Millis,
        now: Timestamp,
    ) -> Self {
        let since = self.failing_since.unwrap_or(now);
        let failing = Self {
            failing_since: Some(since),
            failures: self.failures.saturating_add(1),
            last_failure: Some((now, failure)),
            disabled: self.disabled,
        };
        if result == Attempted::Gone {
            failing.left_alone(DisabledWhy::Gone, now)
        } else if now.since(since) >= disable_after {
            failing.left_alone(DisabledWhy::Failing, now)
        } else {
            failing
        }
    }

    fn left_alone(self, why: DisabledWhy, now: Timestamp) -> Self {
        Self {
            disabled: self.disabled.or(Some(Disabled { at: now, why })),
            ..self
        }
    }
}

impl DisabledWhy {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Failing, Self::Gone, Self::Operator];

    /// The stable word, on disk and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Operator => "operator",
        }
    }

    /// The reason of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    /// `well`, or `failing since/failures`, and ` off at why`.
    fn shown(health: Health) -> String {
        let failing = match health.failing_since {
            None => String::from("well"),
            Some(since) => format!("failing {}/{}", since.as_millis(), health.failures),
        };
        match health.disabled {
            None => failing,
            Some(off) => format!("{failing} off {} {}", off.at.as_millis(), off.why.as_str()),
        }
    }

    fn change(text: &str) -> HealthChange {
        let result = match text {
            "disable" => return HealthChange::Disable,
            "enable" => return HealthChange::Enable,
            "delivered" => Attempted::Delivered,
            "gone" => Attempted::Gone,
            failed => Attempted::Failed(DeliveryFailure::parse(failed).unwrap()),
        };
        HealthChange::Attempted {
            result,
            disable_after: Millis::new(100),
        }
    }

    #[test]
    fn an_endpoint_is_disabled_when_it_has_failed_for_long_enough_and_enabled_by_people_only() {
        for story in [
            "5 delivered well | 6 enable well",
            "5 timeout failing 5/1 | 104 http_500 failing 5/2 | 105 timeout failing 5/3 off 105 failing",
            "5 timeout failing 5/1 | 90 delivered well | 105 timeout failing 105/1",
            "5 gone failing 5/1 off 5 gone | 6 enable well",
            "5 timeout failing 5/1 | 6 gone failing 5/2 off 6 gone",
            "5 disable well off 5 operator | 6 disable well off 5 operator | 7 enable well",
            "5 disable well off 5 operator | 6 delivered well off 5 operator",
            "5 disable well off 5 operator | 6 gone failing 6/1 off 5 operator",
            "5 timeout failing 5/1 | 6 enable failing 5/1 | 7 disable failing 5/1 off 7 operator",
            "5 timeout failing 5/1 | 6 gone failing 5/2 off 6 gone | 7 delivered well off 6 gone",
            // A clock that is set back makes nothing last longer.
            "50 timeout failing 50/1 | 5 timeout failing 50/2",
        ] {
            let mut health = Health::default();
            for step in story.split(" | ") {
                let mut words = step.splitn(3, ' ');
                let now = Timestamp::from_millis(words.next().unwrap().parse().unwrap());
                let change = change(words.next().unwrap());
                health = health.after(&change, now);
                assert_eq!(shown(health), words.next().unwrap(), "{story}");
            }
        }
    }

    #[test]
    fn an_endpoint_rests_for_as_long_again_as_it_has_been_failing() {
        let mut health = Health::default();
        assert_eq!(health.rests_until(), None);
        for (now, result, until) in [
            (1_000, "timeout", Some(1_000)),
            (6_000, "timeout", Some(11_000)),
            (11_500, "http_500", Some(22_000)),
            (400_000, "http_500", Some(700_000)),
            (900_000, "delivered", None),
            (901_000, "http_500", Some(901_000)),
            // A clock that is set back lets nobody rest.
            (5, "http_500", Some(5)),
        ] {
            let mut change = change(result);
            if let HealthChange::Attempted { disable_after, .. } = &mut change {
                *disable_after = Millis::from_secs(3_600);
            }
            health = health.after(&change, Timestamp::from_millis(now));
            let found = health.rests_until().map(Timestamp::as_millis);
            assert_eq!(found, until, "{now}");
        }
    }

    #[test]
    fn the_last_failure_is_remembered_until_one_succeeds() {
        let at = Timestamp::from_millis;
        let health = Health::default().after(&change("http_503"), at(5));
        let health = health.after(&change("timeout"), at(6));
        assert_eq!(health.last_failure, Some((at(6), DeliveryFailure::Timeout)));
        assert_eq!(health.after(&change("delivered"), at(7)), Health::default());
        for why in DisabledWhy::ALL {
            assert_eq!(DisabledWhy::parse(why.as_str()), Some(why));
        }
        assert_eq!(DisabledWhy::parse("off"), None);
    }
}
