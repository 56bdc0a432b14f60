//! What the adapter does on any GitHub: each test runs on the stand-in, and on a real repository when `COUNTERSIGN_TEST_GITHUB_TOKEN` and
//! `COUNTERSIGN_TEST_GITHUB_REPOSITORY` name one. What only a stand-in can show (the value that arrived, faults, rotated keys) is tested
//! beside this.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as expected fails the test: these are the bodies of tests"
)]

use std::time::Duration;

use countersign_kernel::{Environment, Repository};
use countersign_mcp_tools::ports::{Access, GithubSecrets as _, SecretPlace, TargetErrorKind};

use crate::bench::Bench;
use crate::support::value;

macro_rules! on_any_github {
    ($($test:ident,)*) => {
        mod on_the_simulator {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&crate::bench::Bench::simulated().await).await;
            })*
        }

        mod on_a_real_repository {
            $(#[tokio::test]
            async fn $test() {
                if let Some(bench) = crate::bench::Bench::real() {
                    super::$test(&bench).await;
                }
            })*
        }
    };
}

on_any_github! {
    a_secret_is_made_then_replaced_and_the_time_is_told,
    a_secret_that_is_not_there_is_none,
    a_place_that_is_nowhere_is_not_found,
    who_may_write_has_access_and_who_is_unknown_is_unauthorized,
    a_name_that_github_does_not_take_is_invalid,
}

async fn a_secret_is_made_then_replaced_and_the_time_is_told(bench: &Bench) {
    const NAME: &str = "COUNTERSIGN_TEST_REPLACED";
    bench.remove(NAME).await;
    let made = bench.adapter.put(&bench.place, NAME, &value("first value")).await.unwrap();
    assert!(made.created);
    let first = bench.adapter.look(&bench.place, NAME).await.unwrap().unwrap();
    assert_eq!(made.updated_at, Some(first.updated_at));
    assert_eq!(first.updated_at.unix_micros() % 1_000_000, 0, "whole seconds");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let replaced = bench.adapter.put(&bench.place, NAME, &value("second value")).await.unwrap();
    assert!(!replaced.created);
    let second = bench.adapter.look(&bench.place, NAME).await.unwrap().unwrap();
    assert_eq!((second.created_at, replaced.updated_at), (first.created_at, Some(second.updated_at)));
    assert!(second.updated_at > first.updated_at);
    bench.remove(NAME).await;
    assert_eq!(bench.adapter.look(&bench.place, NAME).await.unwrap(), None);
}

async fn a_secret_that_is_not_there_is_none(bench: &Bench) {
    assert_eq!(bench.adapter.look(&bench.place, "COUNTERSIGN_TEST_NEVER_MADE").await.unwrap(), None);
}

async fn a_place_that_is_nowhere_is_not_found(bench: &Bench) {
    let repository = bench.place.repository.clone();
    let environment = Environment::parse("countersign-test-nowhere").ok();
    let nowhere = SecretPlace { repository, environment };
    let owner = bench.place.repository.to_string();
    let owner = owner.split('/').next().unwrap();
    let repository = Repository::parse(&format!("{owner}/countersign-test-nowhere")).unwrap();
    for place in [nowhere, SecretPlace { repository, environment: None }] {
        let error = bench.adapter.look(&place, "COUNTERSIGN_TEST_NOWHERE").await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::NotFound, "{error}");
        let error = bench.adapter.put(&place, "COUNTERSIGN_TEST_NOWHERE", &value("v")).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::NotFound, "{error}");
    }
}

async fn who_may_write_has_access_and_who_is_unknown_is_unauthorized(bench: &Bench) {
    bench.adapter.check_credentials().await.unwrap();
    assert_eq!(bench.adapter.access(&bench.place).await.unwrap(), Access::Allowed);
    let error = bench.stranger().access(&bench.place).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Unauthorized, "{error}");
}

async fn a_name_that_github_does_not_take_is_invalid(bench: &Bench) {
    for name in ["GITHUB_TOKEN", "1ST"] {
        let error = bench.adapter.put(&bench.place, name, &value("value")).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Invalid, "{name}: {error}");
    }
}
