//! One test per rule.

/// Expands to one `#[tokio::test]` per rule of the contract, each on a fresh store of the fixture that the expression gives (evaluated
/// anew in every test). The calling crate needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_suite {
    ($fixture:expr) => {
        $crate::contract_rules!($fixture;
            atomic {
                a_commit_writes_all_of_it,
                a_run_that_is_not_live_leaves_nothing,
                a_fence_that_is_not_held_leaves_nothing,
                a_deadline_that_passed_leaves_nothing,
                a_run_that_moved_leaves_nothing,
                a_request_that_moved_leaves_nothing,
                a_taken_run_id_leaves_nothing,
                a_taken_request_id_leaves_nothing,
                a_second_open_intent_leaves_nothing,
                a_taken_call_key_leaves_nothing,
                a_second_sealed_value_leaves_nothing,
                a_second_outcome_leaves_nothing,
                a_taken_database_leaves_nothing,
                a_taken_policy_number_leaves_nothing,
                a_known_principal_leaves_nothing,
                a_second_active_step_of_a_target_leaves_nothing,
            }
            guards {
                a_run_is_live_while_it_works_or_waits,
                guards_are_checked_before_anything_is_written,
                a_deadline_is_judged_by_the_stores_clock,
                a_fence_holds_for_its_lease_only,
                an_owner_row_is_in_one_state,
            }
            commits {
                a_commit_is_found_when_it_was_written,
                a_commit_sent_again_writes_nothing_more,
                a_commit_sent_at_once_is_written_once,
                a_refused_commit_does_not_block_the_next,
            }
            keys {
                a_key_stays_taken_for_ever,
                an_intent_is_taken_while_its_request_is_open,
                a_keyed_request_takes_no_intent,
                keys_and_intents_belong_to_one_run,
            }
            work {
                due_work_is_leased_once,
                a_claim_takes_what_it_asked_for,
                fences_grow_over_any_row,
                a_lease_that_ran_out_goes_to_the_next,
                a_lease_that_ran_out_is_over,
                a_prolonged_lease_keeps_others_out,
                work_given_back_is_due_after_its_delay,
                scheduling_leased_work_keeps_its_lease,
                scheduling_again_moves_the_row,
                work_that_was_removed_is_gone,
            }
            marks {
                only_live_runs_give_a_sign_of_life,
                a_sign_of_life_and_commits_do_not_disturb_each_other,
                a_mark_on_an_outcome_is_set_once,
                an_outcome_after_the_end_is_undeliverable_and_unread,
            }
            snapshots {
                an_empty_store_knows_nothing,
                a_run_comes_back_as_it_was_recorded,
                a_request_comes_back_with_its_current_revision,
                a_vote_comes_back_as_it_was_cast,
                votes_and_steps_are_replaced_by_their_key,
                a_target_is_free_once_its_step_is_over,
                waits_come_back_open_and_in_order,
                unread_outcomes_come_back_oldest_first,
                policies_are_active_by_number_and_found_by_digest,
                a_pseudonym_is_found_again,
                an_approval_is_on_record_for_its_plan_only,
                sealed_values_are_erased_with_their_request,
                owner_rows_change_with_commits,
                a_kept_database_comes_back_as_it_was_recorded,
            }
            queries {
                requests_are_paged_from_either_end,
                requests_of_one_moment_are_paged,
                requests_are_filtered,
                the_newest_step_of_each_target_is_told,
                a_status_follows_its_request,
                open_runs_are_paged_oldest_first,
                runs_are_paged_newest_first_and_filtered,
                kept_databases_are_paged_by_server_and_name,
                links_are_kept_once_and_found_from_both_ends,
                deciding_is_counted_day_by_day,
                the_backlog_tells_the_age_of_its_oldest_entry,
                the_clock_moves_on,
            }
            run_pages {
                a_run_is_found_with_its_open_waits,
                requests_of_a_run_are_paged_with_their_outcomes,
                requests_of_a_run_are_counted_by_state,
                what_an_agent_awaits_is_open_or_unread,
            }
            search {
                requests_are_found_by_the_beginnings_of_words,
                a_search_narrows_like_any_filter,
                words_follow_the_plan,
            }
            events {
                events_come_back_as_they_were_written,
                the_newest_event_of_a_type_is_found,
                events_stay_as_they_are,
                events_are_paged_and_followed,
                events_are_filtered,
                events_are_read_backwards,
                a_follower_misses_and_repeats_nothing,
            }
            upkeep {
                wrapped_keys_are_listed_in_order_and_paged,
                a_wrapped_key_is_replaced_once,
                a_replaced_wrapped_key_changes_nothing_else,
                a_value_that_was_erased_is_not_wrapped_again,
                old_commits_are_forgotten_and_young_ones_kept,
            }
            sessions {
                a_session_comes_back_by_its_secret_and_by_the_one_before,
                a_session_changes_one_version_at_a_time,
                no_two_sessions_share_a_secret,
                all_sessions_of_a_principal_are_ended_at_once,
                an_attempt_is_taken_once_and_by_its_own_browser,
                what_has_ended_is_erased_and_nothing_else,
                people_sign_in_and_out_again,
                requests_at_once_get_one_new_secret,
            }
            races {
                commits_of_one_run_all_get_through,
                one_intent_is_opened_once,
                one_decision_counts,
                commits_of_different_runs_all_get_through,
                a_refused_commit_takes_no_other_along,
            }
        );
    };
}

/// What [`contract_suite!`](crate::contract_suite) expands through.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_rules {
    ($fixture:expr; $($module:ident { $($rule:ident,)* })*) => {
        $($(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::contract::$module::$rule(&$fixture).await;
            }
        )*)*
    };
}

#[cfg(test)]
mod tests {
    /// The sources of all modules with rules: a rule that the macro doesn't name would never run.
    const SOURCES: [(&str, &str); 14] = [
        ("atomic", include_str!("atomic.rs")),
        ("guards", include_str!("guards.rs")),
        ("commits", include_str!("commits.rs")),
        ("keys", include_str!("keys.rs")),
        ("work", include_str!("work.rs")),
        ("marks", include_str!("marks.rs")),
        ("snapshots", include_str!("snapshots.rs")),
        ("queries", include_str!("queries.rs")),
        ("run_pages", include_str!("run_pages.rs")),
        ("search", include_str!("search.rs")),
        ("events", include_str!("events.rs")),
        ("upkeep", include_str!("upkeep.rs")),
        ("races", include_str!("races.rs")),
        ("sessions", include_str!("sessions.rs")),
    ];

    #[test]
    fn the_macro_names_every_rule() {
        let suite = include_str!("suite.rs");
        let mut rules = 0;
        for (module, source) in SOURCES {
            for line in source.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let rule = line.split('(').next().unwrap();
                let named = suite.lines().any(|line| line.trim() == format!("{rule},"));
                assert!(named, "`{module}::{rule}` is missing in the suite");
                rules += 1;
            }
        }
        assert!(rules > 50, "{rules} rules");
    }
}
