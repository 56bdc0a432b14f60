//! Searches that would take long: they give what they have found so far, and where they go on, and pass by nothing.

use countersign_adapters_postgres::{SearchBounds, StoreOptions};
use countersign_kernel::{Millis, RequestId};
use countersign_usecases::port::{Order, Queries, RequestFilter};

use crate::story::Story;

/// Requests that are called like this one after the other, on a store that looks through so few at a time and then has this much patience.
async fn story(looked_through: u32, patience: Millis, names: &[&str]) -> (Story, Vec<RequestId>) {
    let search = SearchBounds { looked_through, patience };
    let story = Story::with(StoreOptions { search, ..StoreOptions::default() }).await;
    let run = story.register("run-1").await;
    let mut opened = Vec::new();
    for name in names {
        opened.push(story.open(&run, name).await);
    }
    (story, opened)
}

/// What is found, page by page.
async fn pages(story: &Story, text: &str, order: Order, limit: u32) -> Vec<Vec<RequestId>> {
    let filter = RequestFilter { search: Some(text.parse().unwrap()), order, ..RequestFilter::default() };
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = story.store.list_requests(&filter, after, limit).await.unwrap();
        pages.push(page.requests.into_iter().map(|(request, _)| request.facts.id).collect());
        assert!(pages.len() < 10, "the pages come to an end: {pages:?}");
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_search_without_patience_goes_on_from_where_it_looked_last() {
    let names = ["blue-a", "red-a", "red-b", "red-c", "red-d", "blue-b", "blue-c"];
    let (story, opened) = story(2, Millis(0), &names).await;
    let blue = |places: &[usize]| places.iter().map(|place| opened[*place]).collect::<Vec<_>>();
    let oldest = pages(&story, "blue", Order::OldestFirst, 5).await;
    assert_eq!(oldest, [blue(&[0]), vec![], blue(&[5]), blue(&[6])]);
    let newest = pages(&story, "blue", Order::NewestFirst, 5).await;
    assert_eq!(newest, [blue(&[6, 5]), vec![], vec![], blue(&[0])]);
    let small = pages(&story, "blue", Order::NewestFirst, 1).await;
    assert_eq!(small.concat(), blue(&[6, 5, 0]), "a full page goes on after the last it shows");
    let nothing = pages(&story, "green", Order::OldestFirst, 5).await;
    assert_eq!(nothing.concat(), [], "and a search for nothing ends");
}

#[tokio::test]
async fn what_is_rare_is_looked_up_at_once() {
    let names = ["blue-a", "red-a", "red-b", "red-c", "red-d", "blue-b", "blue-c"];
    let (story, opened) = story(2, Millis(5_000), &names).await;
    let found = pages(&story, "blue", Order::OldestFirst, 2).await;
    assert_eq!(found, [vec![opened[0], opened[5]], vec![opened[6]]]);
    let found = pages(&story, "red", Order::NewestFirst, 5).await;
    assert_eq!(found, [vec![opened[4], opened[3], opened[2], opened[1]]]);
}

#[tokio::test]
async fn an_index_that_takes_too_long_is_given_up_for_what_was_found() {
    let (story, opened) = story(2, Millis(50), &["blue-a", "red-a", "blue-b"]).await;
    story.behind("ALTER TABLE request_search RENAME TO request_search_kept").await;
    story
        .behind(
            "CREATE VIEW request_search AS SELECT * FROM request_search_kept \
             WHERE EXISTS (SELECT FROM pg_sleep(0.1))",
        )
        .await;
    let found = pages(&story, "blue", Order::OldestFirst, 5).await;
    assert_eq!(found, [vec![opened[0]], vec![opened[2]]]);
    let tries = story.store.list_votes(opened[0]).await;
    assert_eq!(tries, Ok(vec![]), "the connection is as good as before");
}
