//! One conformance suite for every store: each case is a sentence of the ports' docs.
//!
//! A store's crate implements [`Opener`] and writes [`store_suite!`](crate::store_suite!) in a
//! file under its `tests/`; every case becomes a test of its own, on a fresh store. The cases
//! know no store: what one of them may do, all must do.

mod alert_book;
mod audit;
mod bench;
mod custodian;
mod intake;
mod change_feed;
mod claims;
mod commits;
mod counts;
mod endpoints;
mod event_log;
mod inspect;
mod memory_opener;
mod quarantine;
mod reopening;
mod requests;
mod settlements;
mod shredding;
mod starts;
mod timestamps;
mod trends;

use std::future::Future;

use engine::store::{QuarantineBounds, Settlements, Store};

pub use custodian::{Custodian, Seen};
pub use memory_opener::MemoryOpener;

/// How the suite gets at a store: a place of its own for each case, and a store that is opened
/// there again and again.
pub trait Opener {
    /// The store under test.
    type Store: Custodian;

    /// A new place with nothing in it, cleaned up when dropped.
    fn new(bounds: QuarantineBounds) -> Self;

    /// Opens the store at this place, with what earlier ones left there.
    fn open(&mut self) -> impl Future<Output = Self::Store>;

    /// Ends the store that was opened here last.
    fn end(&mut self, store: Self::Store, ending: Ending) -> impl Future<Output = ()>;
}

/// An [`Opener`] of a store that plays every role.
pub trait StoreOpener: Opener<Store: Store> {}

impl<O: Opener<Store: Store>> StoreOpener for O {}

/// An [`Opener`] of a store that settles records by themselves.
pub trait SettlementOpener: Opener<Store: Settlements> {}

impl<O: Opener<Store: Settlements>> SettlementOpener for O {}

/// How a store ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As a process that is asked to stop.
    Clean,
    /// As a process that is killed: whatever a clean end would still do is not done.
    Crash,
}

/// Makes every case about custody a test of the store behind the [`Opener`] that is named: for
/// stores that take deliveries in and leave what follows to others.
#[macro_export]
macro_rules! custody_suite {
    ($opener:ty) => { $crate::store_suite!(@custody tests [$opener]); };
}

/// Makes every case about settlements that stand alone a test of the store behind the [`Opener`].
#[macro_export]
macro_rules! settlement_suite {
    ($opener:ty) => { $crate::store_suite!(@settlements tests [$opener]); };
}

/// Makes every case of the suite a test of the store behind the [`Opener`] that is named.
#[macro_export]
macro_rules! store_suite {
    ($opener:ty) => {
        $crate::store_suite!(@custody tests [$opener]);
        $crate::store_suite!(@more tests [$opener]);
    };

    (@custody $what:ident [$($argument:tt)*]) => {
        $crate::store_suite! { @$what [$($argument)*]
            event_log {
                a_new_event_is_stored_and_found_by_both_keys
                the_first_bytes_again_are_a_duplicate_and_write_nothing
                other_bytes_are_a_conflict_kept_once_for_each_body
                a_conflict_starts_nothing_and_leaves_the_first_as_it_was
                a_conflict_about_another_payment_names_the_first_record
                two_sources_may_use_the_same_id
                without_an_id_the_body_is_the_id
                of_many_equal_deliveries_at_once_one_is_stored
                of_many_unequal_deliveries_at_once_one_is_stored
                what_was_never_kept_is_not_found
                bytes_and_numbers_are_kept_exactly
            }
            timestamps {
                a_lone_record_has_the_time_of_its_delivery
                records_of_one_millisecond_get_one_each
                a_clock_that_goes_back_does_not_take_the_records_with_it
                other_payments_do_not_matter
                duplicates_and_conflicts_take_no_time
                many_at_once_have_distinct_times_in_the_order_of_the_feed
                the_times_go_on_after_reopening
            }
            intake {
                a_refused_delivery_is_kept_with_its_bytes
                the_same_body_counts_up_and_the_newer_arrival_stands
                another_source_or_body_is_another_delivery
                a_quarantined_delivery_has_claimed_no_event_key
            }
        }
    };

    (@settlements $what:ident [$($argument:tt)*]) => {
        $crate::store_suite! { @$what [$($argument)*]
            settlements {
                every_change_of_the_table_is_applied_and_told_as_the_rules_say
                of_many_that_settle_at_once_one_does
                what_does_not_exist_is_not_settled
                what_was_settled_for_one_event_is_found_for_another_about_the_same
            }
        }
    };

    (@more $what:ident [$($argument:tt)*]) => {
        $crate::store_suite! { @$what [$($argument)*]
            change_feed {
                an_empty_feed_stands_at_the_start
                an_insertion_has_a_new_image_only
                a_change_has_both_images
                sequences_have_no_gap
                many_at_once_leave_no_gap
                a_read_looks_at_no_more_than_its_limit
                a_read_tells_how_far_it_looked_whatever_it_found
                a_reader_that_is_up_to_date_stays_where_it_is
                pages_make_the_whole
                entries_are_never_altered
                readers_are_woken_by_an_append_and_by_a_change
            }
            starts {
                a_started_execution_is_as_it_was_started
                an_entry_starts_at_most_one_execution
                a_batch_may_name_an_entry_twice
                the_cursor_never_moves_back
                a_cursor_moves_without_starts
                new_executions_are_due_at_once_and_wake
                definitions_are_kept_under_their_hash
                an_execution_keeps_the_definition_it_was_started_with
            }
            claims {
                those_due_longest_are_claimed_first
                nothing_is_claimed_before_it_is_due
                a_claim_takes_no_more_than_its_limit
                what_is_held_is_not_claimed_until_the_lease_ends
                a_claim_tells_how_the_execution_stands
                one_execution_is_claimed_whatever_its_status_and_time
                one_execution_is_not_claimed_while_it_is_held
                what_does_not_exist_is_not_claimed
                many_claimers_never_share
                a_released_execution_is_due_as_before_and_wakes
                an_execution_at_rest_stays_at_rest_when_released
                the_next_due_time_is_of_those_that_nobody_holds
                every_lease_is_void_after_reopening
                the_earliest_running_execution_of_a_payment_is_found
            }
            commits {
                a_commit_is_seen_whole
                each_commit_makes_the_generation_one_more
                a_stale_commit_writes_nothing
                of_many_commits_of_one_generation_one_is_done
                an_ended_lease_alone_makes_no_commit_stale
                a_refused_commit_writes_nothing
                a_refusal_takes_the_changes_before_it_along
                changes_are_applied_in_order_each_on_the_one_before
                what_is_already_so_writes_no_entry_and_refuses_nothing
                every_change_of_the_table_is_applied_as_the_rules_say
                a_kept_lease_goes_on_until_the_commit_says
                a_released_execution_is_due_when_the_commit_says
                an_execution_at_rest_is_not_due
                steps_are_appended_in_order
                a_redrive_takes_an_execution_up_again
                a_stale_or_refused_commit_leaves_the_lease_alone
                a_release_wakes_who_waits_for_due_executions
                what_an_execution_has_settled_is_found_for_another_event_about_the_same
            }
            quarantine {
                the_oldest_goes_when_there_are_too_many
                the_oldest_go_when_there_are_too_many_bytes
                bytes_are_those_of_bodies_and_headers
                a_repeat_with_longer_headers_may_cost_the_oldest
                what_does_not_fit_alone_does_not_stay
                a_discharged_delivery_is_gone
                ids_are_never_used_again
                pages_go_from_the_newest_to_the_oldest
            }
            inspect {
                events_are_listed_newest_first_in_pages
                events_are_filtered_by_payment_status_and_source
                events_are_filtered_by_time_amount_and_error
                a_filtered_listing_is_paged_by_what_matches
                an_event_has_all_that_was_kept_about_it
                an_event_is_found_by_every_entry_about_it
                conflicts_are_listed_in_the_order_they_came
                executions_are_listed_newest_first_in_pages
                executions_are_filtered_by_status
                an_execution_shows_the_record_of_now_and_the_images_of_then
                what_does_not_exist_is_not_shown
                an_event_that_came_with_other_bytes_is_listed_once
                what_does_not_fit_is_listed_newest_first_in_pages
                payments_are_listed_once_each_by_their_newest_event
            }
            audit {
                acts_are_kept_in_order_with_their_ends
            }
            endpoints {
                an_endpoint_of_which_nothing_was_told_is_well
                endpoints_fare_as_the_rules_say_through_every_ending
                of_many_failures_at_once_each_is_counted
            }
            alert_book {
                the_book_that_was_kept_last_is_there_after_every_end
            }
            shredding {
                nothing_is_left_of_what_was_received_and_all_the_rest_stays
                what_comes_again_is_a_duplicate_whatever_it_says
                what_has_work_to_do_is_not_shredded
                what_nobody_has_read_is_shredded_only_on_demand
                events_of_one_delivery_go_together_or_not_at_all
                an_execution_of_a_shredded_event_is_not_moved
                what_was_shredded_stays_so_after_every_end
                what_does_not_exist_is_not_shredded
            }
            counts {
                an_empty_store_counts_nothing
                events_and_conflicts_are_counted
                executions_are_counted_by_how_they_stand
                quarantined_deliveries_are_counted
                the_lag_is_what_the_pipe_has_not_read
            }
            trends {
                arrivals_are_counted_by_minute_and_source
                ends_of_events_are_counted_by_minute_and_status
                answers_are_kept_by_minute_and_the_slower_stands
                what_waits_is_counted_by_the_minute_in_which_it_is_due
            }
            requests {
                a_key_is_taken_once_and_has_its_first_answer
                a_key_is_forgotten_after_its_time
                of_many_that_take_one_key_at_once_one_is_told_that_it_is_new
            }
            reopening {
                everything_is_there_after_a_clean_end
                everything_is_there_after_a_crash
                everything_goes_on_after_a_clean_end
                everything_goes_on_after_a_crash
                nothing_is_lost_by_ending_again_and_again
            }
        }
    };

    (@tests [$opener:ty] $($module:ident { $($case:ident)* })*) => { $(
        mod $module {
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::store_suite::cases::$module::$case::<$opener>();
                }
            )*
        }
    )* };

    (@runners [$bound:ident] $($module:ident { $($case:ident)* })*) => { $(
        pub mod $module {
            $(
                pub fn $case<O: $crate::store_suite::$bound>() {
                    $crate::store_suite::block_on($crate::store_suite::$module::$case::<O>());
                }
            )*
        }
    )* };
}

/// The cases as plain functions, for the macro. A case that is missing from its list is dead
/// code, and the compiler says so.
#[doc(hidden)]
pub mod cases {
    crate::store_suite!(@custody runners [Opener]);
    crate::store_suite!(@settlements runners [SettlementOpener]);
    crate::store_suite!(@more runners [StoreOpener]);
}

/// Runs a future to its end in this thread, with timers and sockets.
///
/// # Panics
/// When the runtime cannot be built.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}
