//! Everything that can be seen of a store through its ports, to be compared as one value.

use domain::delivery::RawDelivery;
use domain::notification::{EndpointName, Health};
use domain::stream::{Change, Sequence};
use engine::store::{
    AnomalySummary, Counts, EventDetail, EventFilter, ExecutionDetail, ExecutionFilter, Page,
    QuarantinedSummary, Store, Unavailable,
};

/// All that a store shows, except what is due and who holds it: leases are no state.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The whole change feed.
    pub feed: Vec<Change>,
    /// How far the pipe has read it.
    pub cursor: Sequence,
    /// Every event, newest first.
    pub events: Vec<EventDetail>,
    /// Every execution, newest first.
    pub executions: Vec<ExecutionDetail>,
    /// Everything in quarantine, newest first.
    pub quarantined: Vec<(QuarantinedSummary, RawDelivery)>,
    /// Every anomaly, newest first.
    pub anomalies: Vec<AnomalySummary>,
    /// How every endpoint fares that has a story, by name.
    pub endpoints: Vec<(EndpointName, Health)>,
    /// How much there is of everything.
    pub counts: Counts,
}

/// Items asked for at a time: few, so that every listing is paged.
const PAGE_ITEMS: usize = 5;

impl Observed {
    /// Looks at everything.
    ///
    /// # Panics
    /// When the store contradicts itself: when one of its answers tells otherwise than another
    /// about the same thing, or when one is an error.
    pub async fn of<S: Store>(store: &S) -> Self {
        let listed = pages(|before| store.list_events(&EventFilter::default(), before, PAGE_ITEMS));
        let mut events = Vec::new();
        for summary in listed {
            let digest = summary.record.event_key.digest();
            let detail = store.event(&digest).expect("an event is readable");
            let detail = detail.expect("a listed event exists");
            assert_eq!(detail.summary, summary, "an event and its listing");
            if events.is_empty() {
                let at = store.event_at(summary.sequence).expect("readable");
                assert_eq!(at.as_ref(), Some(&detail), "an event by its key and place");
            }
            let key = &summary.record.key;
            let record = store.record(key).await.expect("a record is readable");
            assert_eq!(record.as_ref(), Some(&summary.record), "a record");
            let found = store.find_event(&digest).await.expect("a key is readable");
            assert_eq!(found.as_ref(), Some(key), "the key that an event claimed");
            events.push(detail);
        }
        let listed =
            pages(|before| store.list_executions(&ExecutionFilter::default(), before, PAGE_ITEMS));
        let executions = listed.into_iter().map(|summary| {
            let detail = store.execution(summary.sequence).expect("readable");
            let detail = detail.expect("a listed execution exists");
            assert_eq!(detail.summary, summary, "an execution and its listing");
            detail
        });
        let listed = pages(|before| store.list_quarantined(before, PAGE_ITEMS));
        let quarantined = listed.into_iter().map(|summary| {
            let found = store.quarantined(summary.id).expect("readable");
            let (again, delivery) = found.expect("a listed delivery exists");
            assert_eq!(again, summary, "a quarantined delivery and its listing");
            (summary, delivery)
        });
        let endpoints = store.endpoints().expect("readable");
        for (name, health) in &endpoints {
            let alone = store.endpoint(name);
            assert_eq!(alone, Ok(*health), "an endpoint and its listing");
        }
        Self {
            endpoints,
            feed: whole_feed(store),
            cursor: store.pipe_cursor().expect("the cursor is readable"),
            executions: executions.collect(),
            quarantined: quarantined.collect(),
            anomalies: pages(|before| store.list_anomalies(before, PAGE_ITEMS)),
            counts: store.counts().expect("counts are readable"),
            events,
        }
    }

    /// Compares part by part, so that a difference is told without all that is the same.
    ///
    /// # Panics
    /// When anything differs.
    pub fn assert_like(&self, expected: &Self) {
        assert_eq!(self.counts, expected.counts, "the counts");
        assert_eq!(self.cursor, expected.cursor, "the cursor");
        assert_each("the endpoints", &self.endpoints, &expected.endpoints);
        assert_each("the feed", &self.feed, &expected.feed);
        assert_each("the events", &self.events, &expected.events);
        assert_each("the anomalies", &self.anomalies, &expected.anomalies);
        assert_each("the executions", &self.executions, &expected.executions);
        assert_each("the quarantine", &self.quarantined, &expected.quarantined);
    }

    /// The same without the quarantine's ids, which two stores may give differently.
    #[must_use]
    pub fn without_quarantine_ids(mut self) -> Self {
        for (summary, _) in &mut self.quarantined {
            summary.id = 0;
        }
        self
    }
}

fn assert_each<T: PartialEq + std::fmt::Debug>(what: &str, found: &[T], expected: &[T]) {
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "{what}, item {index}");
    }
    assert_eq!(found.len(), expected.len(), "{what}: how many");
}

fn whole_feed<S: Store>(store: &S) -> Vec<Change> {
    let head = store.feed_head().expect("the head is readable");
    let (feed, end) = store
        .read_after(Sequence::START, usize::MAX, &|_| true)
        .expect("the feed is readable");
    assert_eq!(end, head, "the feed is read up to its head");
    feed
}

/// All items of a listing, page after page.
///
/// # Panics
/// When a page is an error, is longer than asked for, promises a next one that is empty, or
/// leads back.
pub(crate) fn pages<T>(
    mut page: impl FnMut(Option<u64>) -> Result<Page<T>, Unavailable>,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let Page { items, next } = page(before).expect("a listing is readable");
        assert!(items.len() <= PAGE_ITEMS, "a page is no longer than asked");
        assert!(
            before.is_none() || !items.is_empty(),
            "only the last page has no next one"
        );
        all.extend(items);
        match next {
            Some(next) => {
                assert!(before.is_none_or(|before| next < before), "pages go on");
                before = Some(next);
            }
            None => return all,
        }
    }
}
