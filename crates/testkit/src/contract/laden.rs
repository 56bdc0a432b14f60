//! A commit that writes to every table, and the stage on which it can be written: what atomicity is tested with.

use countersign_approvals::{ActionRequest, CancelledBy, Choice, Progress};
use countersign_kernel::{
    Actor, DatabaseName, Digest, Millis, ProjectKey, Proof, RequestId, RunId, Terms, Timestamp,
};
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::commit::{DatabaseWrite, Draft, DraftContext, Mark, NoteEvent};
use countersign_usecases::port::{RequestSnapshot, WorkKind, WorkSubject};
use countersign_usecases::record::{DatabaseRecord, Kept, OwnerRow, PrincipalRecord, Stamp};
use countersign_waitstate::{Outcome, RunLinks, register};

use super::StoreFixture;
use super::world::{World, decision, policy_text, sealed_for};
use crate::build::{self, call, keyed_call, step, terms};

/// The person that the stage already knows.
pub(super) const KNOWN: &str = "user:github:known";
/// The person that only the laden commit brings.
pub(super) const NEW: &str = "user:github:new";
/// The run that only the laden commit brings.
pub(super) const NEW_RUN: &str = "laden-run";
/// The target that a step of the stage is intended against.
pub(super) const BUSY_TARGET: &str = "test:busy";
/// The server of all databases here.
pub(super) const SERVER: &str = "main";
/// The database that the stage already has.
pub(super) const TAKEN_DATABASE: &str = "taken";
/// The database that only the laden commit brings.
pub(super) const NEW_DATABASE: &str = "laden";
/// The key that the stage has already taken.
pub(super) const TAKEN_KEY: &str = "taken-key";
/// The policy text that only the laden commit brings.
pub(super) const NEW_POLICY: &str = "the second text";

/// Two live runs. The first has four requests:
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) run: RunId,
    pub(super) other_run: RunId,
    /// `asked` has one of two votes, a step intended against [`BUSY_TARGET`], and work of kind `remind` that is due.
    pub(super) asked: ActionRequest,
    /// `withdrawable` is open and has a sealed value.
    pub(super) withdrawable: ActionRequest,
    /// `settled` was opened with [`TAKEN_KEY`] and is cancelled; its outcome is unread.
    pub(super) settled: ActionRequest,
    pub(super) outcome: Outcome,
}

/// What the laden commit brings that a test has to know.
pub(super) struct Laden<'a> {
    pub(super) draft: Draft<'a>,
    /// The request it opens.
    pub(super) opened: RequestId,
}

impl Stage {
    pub(super) async fn of(fixture: &dyn StoreFixture) -> Self {
        let world = World::of(fixture).await;
        let run = world.register("run-1").await;
        let other_run = world.register("run-2").await;
        let asked = world.open_on(&run, &call("asked"), Terms { quorum: 2, ..terms() }).await;
        world.decide(asked.facts.id, "user:github:alice", Choice::Approve).await;
        let withdrawable = world.open(&run, &call("withdrawable")).await;
        let settled = world.open(&run, &keyed_call("settled", TAKEN_KEY)).await;
        world.cancel(settled.facts.id).await;
        world.schedule(WorkKind::Remind, &asked.facts.id.to_string(), Millis(0)).await;
        let now = world.now().await;
        let mut draft = Draft::new(known_to(&world, now, KNOWN));
        draft.put_policy(policy_text(1, "the first text", now));
        let begun = Progress::default().intend(1, 1, 1, now);
        draft.put_step(asked.facts.id, &step(1, BUSY_TARGET), &begun);
        draft.seal(sealed_for(withdrawable.facts.id, 1, now));
        draft.seal(sealed_for(asked.facts.id, 1, now));
        draft.write_database(DatabaseWrite::Insert(database(TAKEN_DATABASE, asked.facts.id, now)));
        world.commit(draft).await;
        let outcome = world.doors.ledger.load_run(&run).await.unwrap().unread.remove(0);
        Self { world, run, other_run, asked, withdrawable, settled, outcome }
    }

    /// The snapshot that the laden commit is decided on.
    pub(super) async fn load(&self) -> RequestSnapshot {
        self.world.snapshot(self.asked.facts.id).await
    }

    /// A commit that writes to every table, decided on this snapshot.
    pub(super) fn laden(&self, snapshot: &RequestSnapshot) -> Laden<'_> {
        self.laden_by(snapshot, NEW)
    }

    /// The same, by this person whom the store is told to get to know.
    pub(super) fn laden_by(&self, snapshot: &RequestSnapshot, person: &str) -> Laden<'_> {
        let now = snapshot.now;
        let mut draft = Draft::about(known_to(&self.world, now, person), &snapshot.run);
        let approval = decision(&snapshot.request, "user:github:bob", Choice::Approve, now);
        draft.record(approval).unwrap();
        let opening = self.world.opening(&snapshot.run, &keyed_call("laden", "laden-key"), now);
        let opened = opening.after().facts.id;
        draft.record(opening).unwrap();
        let asked = self.asked.facts.id;
        let withdrawn = self.withdrawable.cancel(CancelledBy::Agent, None, now).unwrap();
        draft.record(withdrawn).unwrap();
        let begun = Progress::default().intend(1, 1, 1, now);
        draft.put_step(opened, &step(1, "test:laden"), &begun);
        draft.seal(sealed_for(opened, 1, now));
        draft.mark_outcome(&self.outcome, Mark::Acknowledged);
        draft.write_database(DatabaseWrite::Insert(database(NEW_DATABASE, opened, now)));
        draft.put_policy(policy_text(2, NEW_POLICY, now));
        let digest = Digest::of_bytes(NEW_POLICY.as_bytes());
        draft.note(NoteEvent::PolicyLoaded { number: 2, digest }).unwrap();
        draft.schedule(WorkKind::Erase, WorkSubject::run(&self.run), now);
        draft.unschedule(WorkKind::Remind, WorkSubject::request(asked));
        let new_run =
            register(build::run_facts(NEW_RUN), RunLinks { issue: Some(7), pull_request: None }, now);
        draft.record_run(new_run).unwrap();
        Laden { draft, opened }
    }
}

/// The context of a commit by this person, with the row that makes the person known.
pub(super) fn known_to<'w>(world: &'w World, now: Timestamp, person: &str) -> DraftContext<'w> {
    let pseudonym = countersign_audit::Pseudonym::from_random(world.ids(now).bytes());
    let new_principal = Some(PrincipalRecord {
        principal: person.to_owned(),
        pseudonym: pseudonym.to_string(),
        first_seen_at: Stamp(now),
    });
    let actor = Actor::staff(&build::principal(person), Proof::BearerToken);
    DraftContext { actor, new_principal, pseudonym, ..world.context(now) }
}

/// A database of this name that is kept, in this state.
pub(super) fn kept_database(name: &str, state: OwnedState, request: RequestId, now: Timestamp) -> OwnerRow {
    let name = DatabaseName::parse(name).unwrap();
    OwnerRow {
        server: SERVER.to_owned(),
        name: name.clone(),
        project: ProjectKey::parse(build::PROJECT).unwrap(),
        environment: build::environment("dev"),
        state,
        request,
        kept: Some(Kept {
            kept_as: name,
            original_name: DatabaseName::parse("orders").unwrap(),
            database_id: "16384".to_owned(),
            until: now.plus(Millis::from_secs(604_800)),
        }),
        changed_at: now,
    }
}

pub(super) fn database(name: &str, request: RequestId, now: Timestamp) -> DatabaseRecord {
    DatabaseRecord {
        server: SERVER.to_owned(),
        database_name: DatabaseName::parse(name).unwrap().to_string(),
        project: build::PROJECT.to_owned(),
        environment: "dev".to_owned(),
        state: "reserved".to_owned(),
        request_id: request.to_string(),
        kept_as: None,
        original_name: None,
        database_id: None,
        keep_until: None,
        changed_at: Stamp(now),
    }
}
