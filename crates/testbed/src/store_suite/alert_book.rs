//! The alert book: the last one kept is the one there is.

use engine::store::AlertBook as _;

use super::bench::Bench;
use super::{Ending, StoreOpener};

pub(crate) async fn the_book_that_was_kept_last_is_there_after_every_end<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    assert_eq!(bench.alert_book(), Ok(None));
    let long = "é".repeat(100_000);
    let endings = [Ending::Crash, Ending::Clean, Ending::Crash];
    for (book, ending) in ["", "{\"a\": 'b'}\n", &long].into_iter().zip(endings) {
        for text in ["before", book] {
            assert_eq!(bench.keep_alert_book(text.to_owned()).await, Ok(()));
        }
        assert_eq!(bench.alert_book(), Ok(Some(book.to_owned())));
        bench = bench.reopened(ending).await;
        assert_eq!(bench.alert_book(), Ok(Some(book.to_owned())));
    }
}
