//! Who may call which source, and how often: addresses before anything is read, failures and successes
//! once they are known.
//!
//! A failed verification costs its sender's address and its source from budgets of their own, and once
//! one of them is spent nothing is kept, logged or explained of the next failure. What is proven is
//! never refused for anybody's failures: a forger behind the same proxy as a provider, or one who
//! floods another source, takes nothing from it. A source's `rate` counts what is proven, and nothing
//! else.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::source::SourceName;
use domain::time::{Millis, Timestamp};

use super::network::Network;
use super::rate::{Rate, Spent};

/// Budgets of addresses that are kept. Two that share one by chance share what failures may cost;
/// the hash is secret, so that nobody chooses to.
const CLIENT_SLOTS: usize = 8192;

/// Whose call it is, as far as that can be known: the connection's other side, or what a proxy that
/// is trusted says. An extension of the request; without one nobody is told from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What a source allows.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Who may call it; everybody where there is none.
    pub addresses: Option<Vec<Network>>,
    /// How many proven deliveries it may bring; as many as come where there is none.
    pub rate: Option<Rate>,
}

/// What failures may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// Those of one address (of one /64 with IPv6) at one source.
    pub of_client: Rate,
    /// Those of everybody at one source.
    pub of_source: Rate,
}

/// Keeps the rules. The default one lets everybody in, as often as they like.
#[derive(Debug, Default)]
pub struct Doorman {
    failures: Option<Failures>,
    sources: HashMap<SourceName, (Rules, Mutex<Ledger>)>,
    clients: Mutex<Vec<Spent>>,
    hasher: RandomState,
}

/// What one source has spent.
#[derive(Debug, Default)]
struct Ledger {
    proven: Spent,
    failed: Spent,
}

impl Doorman {
    /// One that knows these sources; others have no rules.
    pub fn new(failures: Failures, rules: impl IntoIterator<Item = (SourceName, Rules)>) -> Self {
        let sources = rules.into_iter();
        Self {
            failures: Some(failures),
            sources: sources
                .map(|(name, rules)| (name, (rules, Mutex::default())))
                .collect(),
            clients: Mutex::new(vec![Spent::default(); CLIENT_SLOTS]),
            hasher: RandomState::new(),
        }
    }

    /// Whether the source may be called from there. From nowhere that is known only where every
    /// address may call.
    pub(super) fn lets_in(&self, source: &SourceName, client: Option<ClientAddress>) -> bool {
        let rules = self.sources.get(source).map(|(rules, _)| rules);
        let Some(addresses) = rules.and_then(|rules| rules.addresses.as_ref()) else {
            return true;
        };
        let allows = |ClientAddress(address)| addresses.iter().any(|one| one.contains(address));
        client.is_some_and(allows)
    }

    /// Counts a delivery that proved nothing, or says how long it must be before the next one is
    /// worth anything.
    pub(super) fn count_failure(
        &self,
        source: &SourceName,
        client: Option<ClientAddress>,
        now: Timestamp,
    ) -> Result<(), Millis> {
        let Some(failures) = self.failures else {
            return Ok(());
        };
        // The address's own first, so that one address cannot spend what its source has.
        if let Some(ClientAddress(address)) = client {
            let index = self.hasher.hash_one((source, neighbourhood(address)));
            let mut clients = locked(&self.clients);
            let slots = u64::try_from(clients.len()).unwrap_or(u64::MAX).max(1);
            let index = usize::try_from(index % slots).unwrap_or(0);
            if let Some(spent) = clients.get_mut(index) {
                spent.take(failures.of_client, now)?;
            }
        }
        match self.sources.get(source) {
            Some((_, ledger)) => locked(ledger).failed.take(failures.of_source, now),
            None => Ok(()),
        }
    }

    /// Counts a delivery that is proven, or says how long its sender must wait.
    pub(super) fn count_proven(&self, source: &SourceName, now: Timestamp) -> Result<(), Millis> {
        match self.sources.get(source) {
            Some((
                Rules {
                    rate: Some(rate), ..
                },
                ledger,
            )) => locked(ledger).proven.take(*rate, now),
            Some((Rules { rate: None, .. }, _)) | None => Ok(()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing can panic while it is locked, so what it guards is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everybody who has an address for the same money: whoever has one of IPv6 has its /64.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Failures = Failures {
        of_client: Rate {
            per_second: 1,
            burst: 2,
        },
        of_source: Rate {
            per_second: 1,
            burst: 3,
        },
    };

    fn name(text: &str) -> SourceName {
        SourceName::try_new(text).unwrap()
    }

    fn client(text: &str) -> Option<ClientAddress> {
        Some(ClientAddress(text.parse().unwrap()))
    }

    fn doorman() -> Doorman {
        let rules = |addresses: &[&str], rate| Rules {
            addresses: (!addresses.is_empty())
                .then(|| addresses.iter().map(|text| text.parse().unwrap()).collect()),
            rate,
        };
        let rate = Rate {
            per_second: 1,
            burst: 2,
        };
        Doorman::new(
            FEW,
            [
                (name("open"), rules(&[], None)),
                (name("other"), rules(&[], Some(rate))),
                (
                    name("closed"),
                    rules(&["192.0.2.0/24", "2001:db8::/32"], None),
                ),
            ],
        )
    }

    #[test]
    fn whoever_is_not_on_the_list_is_not_let_in() {
        let doorman = doorman();
        for (source, address, expected) in [
            ("open", "203.0.113.1", true),
            ("closed", "192.0.2.1", true),
            ("closed", "::ffff:192.0.2.1", true),
            ("closed", "2001:db8::1", true),
            ("closed", "203.0.113.1", false),
            ("closed", "2001:db9::1", false),
            ("nowhere", "203.0.113.1", true),
        ] {
            assert_eq!(
                doorman.lets_in(&name(source), client(address)),
                expected,
                "{source} {address}"
            );
        }
        assert!(doorman.lets_in(&name("open"), None));
        assert!(!doorman.lets_in(&name("closed"), None));
    }

    #[test]
    fn failures_cost_whoever_fails_and_nobody_else() {
        let doorman = doorman();
        let now = Timestamp::from_millis(1_000_000);
        let fail = |source: &str, address: &str| {
            doorman.count_failure(&name(source), client(address), now)
        };
        let wait = Err(Millis::from_secs(1));
        assert_eq!(
            [fail("open", "192.0.2.1"), fail("open", "192.0.2.1")],
            [Ok(()), Ok(())]
        );
        // The address's budget is spent, and it takes nothing more of the source's.
        assert_eq!(
            [fail("open", "192.0.2.1"), fail("open", "192.0.2.1")],
            [wait, wait]
        );
        assert_eq!(fail("open", "192.0.2.2"), Ok(()));
        // The source's is spent, for those who fail.
        assert_eq!(fail("open", "192.0.2.3"), wait);
        assert_eq!(fail("other", "192.0.2.1"), Ok(()));
        // What is proven has a budget of its own, of each source.
        let prove = |source: &str| doorman.count_proven(&name(source), now);
        assert_eq!(
            [prove("other"), prove("other"), prove("other")],
            [Ok(()), Ok(()), wait]
        );
        assert!((0..100).all(|_| prove("open").is_ok()));
    }

    #[test]
    fn whoever_changes_addresses_within_their_network_is_one() {
        let doorman = doorman();
        let now = Timestamp::from_millis(1_000_000);
        let fail = |address: &str| {
            doorman
                .count_failure(&name("open"), client(address), now)
                .is_ok()
        };
        assert!(fail("2001:db8::1") && fail("2001:db8::2") && !fail("2001:db8::3"));
    }

    #[test]
    fn an_address_of_ipv4_is_one_however_it_is_written() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
