//! A store with small stories played on it: what the rules are written with.

use countersign_approvals::{ActionRequest, CancelledBy, Choice, Decided, Transition};
use countersign_audit::Pseudonym;
use countersign_kernel::{Actor, Digest, Millis, RequestId, RunId, Terms, Timestamp, WorkerId};
use countersign_mcp_tools::Call;
use countersign_usecases::commit::{Commit, Draft, DraftContext};
use countersign_usecases::port::{
    CallLookup, Ids, Lease, RequestSnapshot, StoreError, WorkKind, WorkSubject,
};
use countersign_usecases::record::{PolicyRecord, SealedRecord, Stamp};
use countersign_waitstate::{FinishReason, Run, RunLinks, register};

use super::{Doors, StoreFixture};
use crate::SeededEntropy;
use crate::build::{self, Everybody, ballot};

pub(super) struct World {
    pub(super) doors: Doors,
    pub(super) entropy: SeededEntropy,
}

impl World {
    pub(super) async fn of(fixture: &dyn StoreFixture) -> Self {
        Self { doors: fixture.fresh().await, entropy: SeededEntropy::new(2026) }
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.doors.queries.ping().await.unwrap()
    }

    pub(super) async fn advance(&self, span: Millis) {
        self.doors.clock.advance(span).await;
    }

    pub(super) fn ids(&self, now: Timestamp) -> Ids<'_> {
        Ids::new(&self.entropy, now)
    }

    pub(super) async fn worker(&self) -> WorkerId {
        self.ids(self.now().await).worker()
    }

    pub(super) fn context(&self, now: Timestamp) -> DraftContext<'_> {
        let actor = Actor::system("contract");
        DraftContext {
            ids: self.ids(now),
            now,
            pseudonym: Pseudonym::of_role(&actor).unwrap(),
            actor,
            policy: None,
            new_principal: None,
        }
    }

    /// An empty draft of now, about no run.
    pub(super) async fn draft(&self) -> Draft<'_> {
        Draft::new(self.context(self.now().await))
    }

    /// An empty draft of now, about this run as it is.
    pub(super) async fn draft_about(&self, run: &RunId) -> Draft<'_> {
        Draft::about(self.context(self.now().await), &self.run(run).await)
    }

    pub(super) async fn commit(&self, draft: Draft<'_>) {
        self.try_commit(draft.finish()).await.unwrap();
    }

    pub(super) async fn try_commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.doors.ledger.commit(commit).await
    }

    pub(super) async fn run(&self, id: &RunId) -> Run {
        self.doors.ledger.load_run(id).await.unwrap().run.expect("the run is there")
    }

    pub(super) async fn snapshot(&self, id: RequestId) -> RequestSnapshot {
        self.doors.ledger.load_request(id).await.unwrap().expect("the request is there")
    }

    pub(super) async fn register(&self, id: &str) -> RunId {
        let mut draft = self.draft().await;
        draft.record_run(register(build::run_facts(id), RunLinks::default(), draft.now())).unwrap();
        self.commit(draft).await;
        build::run_id(id)
    }

    /// Ends a run that waits for nothing.
    pub(super) async fn finish(&self, id: &RunId) {
        let mut draft = self.draft_about(id).await;
        let run = draft.run().unwrap().clone();
        draft.record_run(run.begin_end(FinishReason::Completed, draft.now()).unwrap()).unwrap();
        self.commit(draft).await;
    }

    pub(super) fn opening(&self, run: &Run, call: &Call, now: Timestamp) -> Transition {
        build::opening(self.ids(now), run, call, build::terms(), now)
    }

    pub(super) async fn open(&self, run: &RunId, call: &Call) -> ActionRequest {
        self.open_on(run, call, build::terms()).await
    }

    pub(super) async fn open_on(&self, run: &RunId, call: &Call, terms: Terms) -> ActionRequest {
        let mut draft = self.draft_about(run).await;
        let now = draft.now();
        let opening = build::opening(self.ids(now), draft.run().unwrap(), call, terms, now);
        let request = opening.after().clone();
        draft.record(opening).unwrap();
        self.commit(draft).await;
        request
    }

    /// Opens requests for things of these names, with a sealed value each; their ids in order.
    pub(super) async fn open_sealed(&self, run: &RunId, names: &[&str]) -> Vec<RequestId> {
        let mut ids = Vec::new();
        for name in names {
            let id = self.open(run, &build::call(name)).await.facts.id;
            let mut draft = self.draft().await;
            draft.seal(sealed_for(id, 1, draft.now()));
            self.commit(draft).await;
            ids.push(id);
        }
        ids.sort();
        ids
    }

    pub(super) async fn decide(&self, id: RequestId, by: &str, choice: Choice) {
        let snapshot = self.snapshot(id).await;
        let mut draft = Draft::about(self.context(snapshot.now), &snapshot.run);
        draft.record(decision(&snapshot.request, by, choice, snapshot.now)).unwrap();
        self.commit(draft).await;
    }

    pub(super) async fn cancel(&self, id: RequestId) {
        let snapshot = self.snapshot(id).await;
        let mut draft = Draft::about(self.context(snapshot.now), &snapshot.run);
        draft.record(snapshot.request.cancel(CancelledBy::Agent, None, snapshot.now).unwrap()).unwrap();
        self.commit(draft).await;
    }

    pub(super) async fn schedule(&self, kind: WorkKind, subject: &str, after: Millis) {
        let mut draft = self.draft().await;
        let due = draft.now().plus(after);
        draft.schedule(kind, subject_of(subject), due);
        self.commit(draft).await;
    }

    pub(super) async fn claim(&self, kind: WorkKind, at_most: u32) -> Vec<Lease> {
        self.doors.work.claim(self.worker().await, &[kind], at_most).await.unwrap()
    }

    /// The one row of this kind that is due.
    pub(super) async fn claim_one(&self, kind: WorkKind) -> Lease {
        let mut leases = self.claim(kind, 10).await;
        assert_eq!(leases.len(), 1, "one row of kind `{}` is due: {leases:?}", kind.as_str());
        leases.remove(0)
    }
}

/// The transition by which this person approves or denies.
pub(super) fn decision(request: &ActionRequest, by: &str, choice: Choice, now: Timestamp) -> Transition {
    let ballot = ballot(by, choice, request.proposal.plan_digest);
    match request.decide(ballot, &Everybody, now).unwrap() {
        Decided::Counted(transition) => transition,
        Decided::Repeat => panic!("`{by}` decided the same before"),
    }
}

pub(super) fn subject_of(text: &str) -> WorkSubject {
    WorkSubject::from_storage(text.to_owned())
}

pub(super) fn lookup_of(call: &Call) -> CallLookup {
    CallLookup {
        tool: call.tool.clone(),
        action: call.action.clone(),
        intent_digest: call.intent_digest().unwrap(),
        key_hash: call.idempotency_key.as_ref().map(|key| key.hash()),
    }
}

pub(super) fn sealed_for(request: RequestId, revision: u32, now: Timestamp) -> SealedRecord {
    SealedRecord {
        request_id: request.to_string(),
        revision: i64::from(revision),
        purpose: "generated".to_owned(),
        master_key_id: "m1".to_owned(),
        wrapped_key: "d3JhcHBlZA==".to_owned(),
        sealed_value: "c2VhbGVk".to_owned(),
        sealed_at: Stamp(now),
    }
}

pub(super) fn policy_text(number: i64, text: &str, now: Timestamp) -> PolicyRecord {
    PolicyRecord {
        number,
        digest: Digest::of_bytes(text.as_bytes()).to_string(),
        text: text.to_owned(),
        activated_at: Stamp(now),
        activated_by: "user:github:alice".to_owned(),
    }
}

/// Checks that the store said `Stale`, about this table or guard.
#[track_caller]
pub(super) fn assert_stale<T: std::fmt::Debug>(result: Result<T, StoreError>, about: &str) {
    match result {
        Err(StoreError::Stale { what, .. }) => assert_eq!(what, about, "`Stale` names what moved"),
        other => panic!("expected `Stale` about `{about}`, got {other:?}"),
    }
}
