//! Places for connections, and who gives one up when they are scarce.
//!
//! A connection on which nothing is being answered only waits. When every place is taken, whoever is
//! answered is told that the connection ends with it, which costs nobody anything; and those that
//! have waited longest are asked to leave, of whoever has the most connections first, and those last
//! that have brought something worth keeping: a stranger who opens thousands and says nothing cannot
//! keep a provider out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::ingress::neighbourhood;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// One of so many places is asked for at once: looking through all of them is work, and one who
/// opens connections all the time would make it the work of every one of them.
const SHARE_ASKED: usize = 64;

/// Nobody is asked who has waited for less: a request may be on its way, and its sender would see the
/// connection break. Long against a round trip, and short against anybody's patience.
const GRACE: Duration = Duration::from_millis(500);

/// How often those who wait are looked at while nobody has for long enough.
const LOOK: Duration = Duration::from_millis(50);

/// Every place of a listener.
#[derive(Debug)]
pub(crate) struct Seats {
    max: usize,
    room: Mutex<Room>,
    /// Somebody left, or came to wait.
    changed: Notify,
    /// How many wait for a place.
    wanted: AtomicUsize,
}

/// Somebody waits for a place, until it is dropped.
struct Wanted<'a>(&'a Seats);

#[derive(Debug, Default)]
struct Room {
    sitters: HashMap<u64, Sitter>,
    next: u64,
}

#[derive(Debug)]
struct Sitter {
    neighbourhood: IpAddr,
    /// Requests that are being answered.
    busy: usize,
    /// Since when none is.
    waits_since: Instant,
    /// Whether it has brought something that was kept.
    is_proven: bool,
    /// Whether it was asked to leave.
    is_asked: bool,
    asked: Arc<Notify>,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    asked: Arc<Notify>,
}

/// A request is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Seat>);

impl Seats {
    /// So many places.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            room: Mutex::default(),
            changed: Notify::new(),
            wanted: AtomicUsize::new(0),
        })
    }

    /// A place for a connection from `peer`, once there is one; and how many were asked to leave
    /// for it.
    pub(crate) async fn take(self: &Arc<Self>, peer: IpAddr) -> (Seat, usize) {
        let mut asked = 0;
        if let Some(seat) = self.try_take(peer) {
            return (seat, asked);
        }
        let _wanted = Wanted::new(self);
        loop {
            if let Some(seat) = self.try_take(peer) {
                return (seat, asked);
            }
            asked += self.ask_some();
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    fn try_take(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let mut room = self.room();
        if room.sitters.len() >= self.max {
            return None;
        }
        let number = room.next;
        room.next += 1;
        let asked = Arc::new(Notify::new());
        let sitter = Sitter {
            neighbourhood: neighbourhood(peer),
            busy: 0,
            waits_since: Instant::now(),
            is_proven: false,
            is_asked: false,
            asked: Arc::clone(&asked),
        };
        room.sitters.insert(number, sitter);
        Some(Seat {
            seats: Arc::clone(self),
            number,
            asked,
        })
    }

    fn ask_some(&self) -> usize {
        let mut room = self.room();
        // Those that were asked are about to leave: that is enough.
        if room.sitters.values().any(|sitter| sitter.is_asked) {
            return 0;
        }
        let count = self.max.div_ceil(SHARE_ASKED);
        let chosen = choose(&room.sitters, count, Instant::now());
        for number in &chosen {
            if let Some(sitter) = room.sitters.get_mut(number) {
                sitter.is_asked = true;
                sitter.asked.notify_one();
            }
        }
        chosen.len()
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Nothing can panic while it is locked, so what it guards is whole.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Says that a request of this connection is being answered.
    pub(crate) fn busy(self: &Arc<Self>) -> Busy {
        self.change(|sitter| sitter.busy += 1);
        Busy(Arc::clone(self))
    }

    /// Says that this connection has brought something that was kept.
    pub(crate) fn prove(&self) {
        self.change(|sitter| sitter.is_proven = true);
    }

    /// Whether somebody waits for a place, so that this one should be given up after the answer that
    /// is being made.
    pub(crate) fn is_wanted(&self) -> bool {
        self.seats.wanted.load(Ordering::Relaxed) > 0
    }

    /// Waits until the place is wanted back.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Whether it leaves, having been asked. Not where a request came in the meantime: somebody else
    /// is asked then.
    pub(crate) fn leaves(&self) -> bool {
        let mut leaves = true;
        self.change(|sitter| {
            leaves = sitter.busy == 0;
            sitter.is_asked = leaves;
        });
        if !leaves {
            self.seats.changed.notify_one();
        }
        leaves
    }

    fn change(&self, change: impl FnOnce(&mut Sitter)) {
        if let Some(sitter) = self.seats.room().sitters.get_mut(&self.number) {
            change(sitter);
        }
    }
}

impl<'a> Wanted<'a> {
    fn new(seats: &'a Seats) -> Self {
        seats.wanted.fetch_add(1, Ordering::Relaxed);
        Self(seats)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.wanted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.room().sitters.remove(&self.number);
        self.seats.changed.notify_one();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|sitter| {
            sitter.busy = sitter.busy.saturating_sub(1);
            sitter.waits_since = Instant::now();
        });
        self.0.seats.changed.notify_one();
    }
}

/// At most `count` of those that have waited for long enough: of the neighbourhood with the most
/// connections first, and there whoever has waited longest. Nobody who is proven, while a stranger
/// waits.
fn choose(sitters: &HashMap<u64, Sitter>, count: usize, now: Instant) -> Vec<u64> {
    let mut neighbours: HashMap<IpAddr, usize> = HashMap::new();
    for sitter in sitters.values() {
        *neighbours.entry(sitter.neighbourhood).or_default() += 1;
    }
    let waits = |sitter: &Sitter| sitter.busy == 0;
    // A stranger who came a moment ago will have waited for long enough in the next one.
    let has_strangers = sitters
        .values()
        .any(|sitter| waits(sitter) && !sitter.is_proven);
    let mut waiting: Vec<_> = sitters
        .iter()
        .filter(|(_, sitter)| waits(sitter) && now - sitter.waits_since >= GRACE)
        .filter(|(_, sitter)| !(sitter.is_proven && has_strangers))
        .map(|(number, sitter)| {
            let company = neighbours.get(&sitter.neighbourhood).copied().unwrap_or(0);
            let company = std::cmp::Reverse(company);
            (company, sitter.waits_since, *number)
        })
        .collect();
    waiting.sort_unstable();
    waiting.truncate(count);
    waiting.into_iter().map(|(.., number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_longest_among_the_most_leaves_first_and_who_is_proven_last() {
        const PROVEN: &str = "198.51.100.1";
        let now = Instant::now() + Duration::from_secs(10_000);
        let sitter = |address: &str, busy, waited| Sitter {
            is_proven: address == PROVEN,
            neighbourhood: neighbourhood(address.parse().unwrap()),
            busy,
            waits_since: now - Duration::from_secs(waited),
            is_asked: false,
            asked: Arc::default(),
        };
        let mut sitters = HashMap::from([
            (1, sitter("192.0.2.1", 0, 900)),
            (2, sitter("2001:db8::1", 0, 10)),
            (3, sitter("2001:db8::2", 1, 500)),
            (4, sitter("2001:db8::3", 0, 20)),
            (5, sitter("2001:db8:0:1::", 0, 800)),
            (6, sitter(PROVEN, 0, 1000)),
            (7, sitter("192.0.2.1", 0, 0)),
        ]);
        for (count, expected) in [
            (0, &[][..]),
            (1, &[4]),
            (2, &[4, 2]),
            (3, &[4, 2, 1]),
            (9, &[4, 2, 1, 5]),
        ] {
            assert_eq!(choose(&sitters, count, now), expected);
        }
        // The proven one stays while a stranger waits, however short.
        sitters.retain(|number, _| [3, 6, 7].contains(number));
        assert!(choose(&sitters, 9, now).is_empty());
        sitters.remove(&7);
        assert_eq!(choose(&sitters, 9, now), [6]);
    }

    fn is_asked(seat: &Seat) -> bool {
        seat.seats.room().sitters[&seat.number].is_asked
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_made_by_those_who_wait_and_by_nobody_who_is_answered() {
        let seats = Seats::new(2);
        let peer = "192.0.2.1".parse().unwrap();
        let (first, asked) = seats.take(peer).await;
        assert_eq!(asked, 0);
        let (second, _) = seats.take(peer).await;
        let first = Arc::new(first);
        let busy = first.busy();
        let third = seats.take(peer);
        tokio::pin!(third);
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!((is_asked(&first), is_asked(&second)), (false, false));
        assert!(first.is_wanted());
        tokio::time::advance(GRACE).await;
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!((is_asked(&first), is_asked(&second)), (false, true));
        second.asked().await;
        assert!(second.leaves());
        drop(second);
        let (third, asked) = third.await;
        assert_eq!(asked, 1);
        assert!(!first.is_wanted());

        // Where all are busy the first to be done is asked.
        let third = Arc::new(third);
        let other = third.busy();
        let fourth = seats.take(peer);
        tokio::pin!(fourth);
        assert!(futures_util::poll!(&mut fourth).is_pending());
        assert_eq!((is_asked(&first), is_asked(&third)), (false, false));
        drop(other);
        tokio::time::advance(GRACE).await;
        assert!(futures_util::poll!(&mut fourth).is_pending());
        assert_eq!((is_asked(&first), is_asked(&third)), (false, true));

        // A request came before it heard of it: it stays, and the next to wait is asked.
        let other = third.busy();
        assert!(!third.leaves());
        drop(busy);
        tokio::time::advance(GRACE).await;
        assert!(futures_util::poll!(&mut fourth).is_pending());
        assert_eq!((is_asked(&first), is_asked(&third)), (true, false));
        assert!(first.leaves());
        drop((first, other));
        fourth.await;
    }
}
