//! Everything that can be seen of a store through its ports, as text, to be compared before and after.

use std::collections::BTreeSet;
use std::fmt::Debug;

use countersign_kernel::{DatabaseName, Digest, RequestId, RunId};
use countersign_usecases::port::{EventFilter, RequestFilter};

use super::laden::{KNOWN, NEW, NEW_DATABASE, NEW_POLICY, NEW_RUN, SERVER, TAKEN_DATABASE};
use super::world::World;
use crate::build::{principal, run_id};

/// What can be seen of a store, without the times of looking. Work is not in it: looking at work means leasing it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dump(Vec<String>);

impl Dump {
    /// Looks at everything the store lists, and at these runs and requests besides: a row that no list shows is found, too.
    pub(super) async fn of(world: &World, runs: &[RunId], requests: &[RequestId]) -> Self {
        let mut dump = Self(Vec::new());
        let listed = world.doors.queries.list_requests(&RequestFilter::default(), None, 500).await.unwrap();
        assert!(listed.next.is_none(), "a dump holds at most 500 requests");
        let mut request_ids: BTreeSet<_> = requests.iter().copied().collect();
        request_ids.extend(listed.requests.iter().map(|(request, _)| request.facts.id));
        let mut run_ids: BTreeSet<_> = runs.iter().cloned().collect();
        run_ids.insert(run_id(NEW_RUN));
        run_ids.extend(listed.requests.iter().map(|(request, _)| request.facts.run.clone()));
        dump.put("requests", &listed.requests);
        dump.events(world).await;
        for id in run_ids {
            dump.run(world, &id).await;
        }
        for id in request_ids {
            dump.request(world, id).await;
        }
        dump.rest(world).await;
        dump
    }

    fn put(&mut self, what: &str, seen: &impl Debug) {
        self.0.push(format!("{what}: {seen:?}"));
    }

    async fn events(&mut self, world: &World) {
        let page = world.doors.queries.list_events(&EventFilter::default(), None, 1000).await.unwrap();
        assert!(page.events.len() < 1000, "a dump holds fewer than 1000 events");
        for event in &page.events {
            self.put("event", event);
        }
        self.put("the inbox is empty", &world.doors.queries.audit_backlog().await.unwrap().is_none());
    }

    async fn run(&mut self, world: &World, id: &RunId) {
        let snapshot = world.doors.ledger.load_run(id).await.unwrap();
        self.put("run", &(&snapshot.run, &snapshot.unread, &snapshot.policy));
        let queries = &world.doors.queries;
        self.put("run with waits", &queries.find_run(id).await.unwrap());
        self.put("run requests", &queries.list_run_requests(id, None, 500).await.unwrap());
        self.put("run counts", &queries.count_run_requests(id).await.unwrap());
        self.put("run outcomes", &queries.list_unread(id, 500).await.unwrap());
        self.put("run awaited", &queries.list_awaited(id).await.unwrap());
        self.put("run links", &queries.list_links("run", &[id.to_string()], u32::MAX).await.unwrap());
    }

    async fn request(&mut self, world: &World, id: RequestId) {
        let snapshot = world.doors.ledger.load_request(id).await.unwrap();
        let queries = &world.doors.queries;
        if let Some(snapshot) = snapshot {
            let plan = snapshot.request.proposal.plan_digest;
            self.put("on record", &world.doors.ledger.approval_on_record(id, plan).await.unwrap());
            self.put("outcome", &queries.find_outcome(&snapshot.run.facts.id, id).await.unwrap());
            self.put("request", &(snapshot.request, snapshot.progress, snapshot.sealed));
        }
        self.put("status", &queries.find_request_status(id).await.unwrap());
        self.put("votes", &queries.list_votes(id).await.unwrap());
        self.put("steps", &queries.list_steps(id).await.unwrap());
        self.put("request links", &queries.list_links("request", &[id.to_string()], u32::MAX).await.unwrap());
    }

    async fn rest(&mut self, world: &World) {
        let ledger = &world.doors.ledger;
        self.put("open runs", &world.doors.queries.list_open_runs(None, 500).await.unwrap());
        self.put("policy", &ledger.load_policy(None).await.unwrap());
        let digest = Digest::of_bytes(NEW_POLICY.as_bytes());
        self.put("new policy", &ledger.load_policy(Some(digest)).await.unwrap());
        for person in [KNOWN, NEW] {
            self.put(person, &ledger.find_pseudonym(&principal(person)).await.unwrap());
        }
        for name in [TAKEN_DATABASE, NEW_DATABASE] {
            let name = DatabaseName::parse(name).unwrap();
            self.put("owner", &world.doors.databases.find_owner(SERVER, &name).await.unwrap());
        }
    }
}
