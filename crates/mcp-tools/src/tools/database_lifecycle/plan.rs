//! Says what would become of a database, and refuses whatever isn't the caller's.

use countersign_kernel::{DatabaseName, Digest};
use serde_json::json;

use super::credentials::{self, Credentials, Wanted};
use super::facts::DatabaseFact;
use super::input::{Action, DatabaseInput, QUARANTINE_PREFIX, SCHEMA_VERSION};
use super::observe::{Answer, Found, Looked, Owner, Seen, State, There};
use super::steps::{self, Params};
use crate::call::{Call, Caller};
use crate::plan::{Fact, Ownership, OwnershipChange, Plan, Quarantine, Step};
use crate::ports::TargetErrorKind;
use crate::tool::{Observation, PlanRefusal, Unseen};
use crate::tools::answers::{OBSERVATION_UNREADABLE, unreadable_observation};
use crate::tools::unseen;

const NOT_OURS: &str = "database_not_ours";
const NOT_FOUND: &str = "database_not_found";
const RESERVED: &str = "database_reserved";
const QUARANTINED: &str = "database_quarantined";

/// The longest name of a database.
const MAX_NAME: usize = 63;

pub(super) fn plan(
    credentials: Option<&Credentials>,
    caller: &Caller,
    call: &Call,
    observed: &Observation,
) -> Result<Plan, PlanRefusal> {
    let input = DatabaseInput::of_call(call)
        .map_err(|error| PlanRefusal { code: OBSERVATION_UNREADABLE, message: error.to_string() })?;
    let looked = match observed {
        Observation::CouldNotLook { why } => return Ok(blind(&input, why)),
        Observation::Seen(stored) => match Seen::read(stored).ok_or_else(unreadable_observation)?.answer {
            Answer::Looked(looked) => *looked,
            Answer::Refused(refused) => return Err(refused.into_refusal()),
        },
    };
    match input.action {
        Action::Describe => Ok(describe(caller, &input, &looked.server)),
        Action::Create => create(credentials, caller, &input, &looked),
        Action::Quarantine => quarantine(caller, &input, &looked, &ours(caller, &input, &looked)?),
        Action::Drop => Ok(drop_for_good(caller, &input, &looked, &ours(caller, &input, &looked)?)),
    }
}

fn refuse<T>(code: &'static str, input: &DatabaseInput, server: &str, what: &str) -> Result<T, PlanRefusal> {
    Err(PlanRefusal { code, message: format!("database `{}` on server `{server}` {what}", input.database) })
}

fn create(
    credentials: Option<&Credentials>,
    caller: &Caller,
    input: &DatabaseInput,
    looked: &Looked,
) -> Result<Plan, PlanRefusal> {
    let server = looked.server.as_str();
    let (role, secret) = (looked.role.as_ref(), looked.secret.as_ref());
    let wanted = input.credentials.as_ref().map(|place| Wanted { place, role, secret });
    match (&looked.owner, &looked.database) {
        (None, None) => {
            let plan = create_new(caller, input, server);
            let Some(wanted) = wanted else { return Ok(plan) };
            credentials::check(credentials, caller, input, server, &wanted)?;
            Ok(credentials::extend(plan, input, server, &wanted))
        }
        (None, Some(_)) => {
            refuse(NOT_OURS, input, server, "exists and wasn't created by Countersign; it is never adopted")
        }
        (Some(owner), _) if !owner.is(&caller.project, &input.environment) => {
            refuse(NOT_OURS, input, server, "belongs to another project or environment")
        }
        (Some(owner), there) => match (owner.state, there) {
            (State::Reserved, _) => refuse(RESERVED, input, server, "is being created by another request"),
            (State::Restoring, _) => refuse(RESERVED, input, server, RESTORING),
            (State::Quarantined | State::Purging, _) => {
                refuse(QUARANTINED, input, server, "is in quarantine; staff can restore it under this name")
            }
            (State::Active, Some(there)) if there.is_marked_by(owner) => match wanted {
                Some(wanted) if !credentials::made_by(owner, &wanted) => {
                    refuse(TargetErrorKind::Conflict.code(), input, server, WITHOUT_CREDENTIALS)
                }
                Some(_) | None => Ok(nothing_to_do(caller, input, server)),
            },
            (State::Active, Some(_)) => refuse(NOT_OURS, input, server, FOREIGN_MARK),
            (State::Active, None) => refuse(NOT_FOUND, input, server, GONE),
        },
    }
}

const WITHOUT_CREDENTIALS: &str =
    "exists already, without such credentials; a login role is made only together with its database";
const FOREIGN_MARK: &str =
    "doesn't carry the mark of the request that created it: it was replaced by somebody else";
const RESTORING: &str = "is being restored from quarantine by staff";
const GONE: &str = "is registered to this project but is gone from the server; staff have to look into it";

/// A database that is the caller's beyond doubt.
struct Ours<'a> {
    there: &'a There,
    owner: &'a Owner,
    /// What it is called now, if it was renamed by hand.
    now: Option<&'a str>,
}

/// The database, if it is there and the caller's beyond doubt.
fn ours<'a>(caller: &Caller, input: &DatabaseInput, looked: &'a Looked) -> Result<Ours<'a>, PlanRefusal> {
    let server = looked.server.as_str();
    match (&looked.owner, &looked.database) {
        (None, None) => refuse(NOT_FOUND, input, server, "does not exist"),
        (None, Some(_)) => refuse(NOT_OURS, input, server, "wasn't created by Countersign"),
        (Some(owner), _) if !owner.is(&caller.project, &input.environment) => {
            refuse(NOT_OURS, input, server, "belongs to another project or environment")
        }
        (Some(owner), there) => match (owner.state, there) {
            (State::Reserved, _) => refuse(RESERVED, input, server, "is being created by another request"),
            (State::Restoring, _) => refuse(RESERVED, input, server, RESTORING),
            (State::Quarantined | State::Purging, _) => {
                refuse(NOT_FOUND, input, server, "is already in quarantine")
            }
            (State::Active, Some(there)) if there.is_marked_by(owner) => Ok(Ours { there, owner, now: None }),
            (State::Active, other) => elsewhere(input, looked, owner, other.is_some()),
        },
    }
}

/// The database, if it was renamed by hand and found again beyond doubt. `other`: another one has its name.
fn elsewhere<'a>(
    input: &DatabaseInput,
    looked: &'a Looked,
    owner: &'a Owner,
    other: bool,
) -> Result<Ours<'a>, PlanRefusal> {
    let server = looked.server.as_str();
    match &looked.elsewhere {
        Found::Renamed { now, there } => Ok(Ours { there, owner, now: Some(now) }),
        Found::InDoubt { names } => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let what = format!(
                "is not under its name, and what carries its mark can't be taken for it: {}; staff have to look into it",
                names.join(", ")
            );
            refuse(NOT_OURS, input, server, &what)
        }
        Found::Nowhere if other => refuse(NOT_OURS, input, server, FOREIGN_MARK),
        Found::Nowhere => refuse(NOT_FOUND, input, server, GONE),
    }
}

/// That it was renamed, if it was: what follows is done to it under its new name.
fn facts_of_renaming(input: &DatabaseInput, looked: &Looked, ours: &Ours<'_>) -> Vec<Fact> {
    let Some(now) = ours.now else { return Vec::new() };
    let mut params = json!({ "database": input.database.as_str(), "server": looked.server });
    let used = looked.database.as_ref().map(|_| DatabaseFact::NameUsed.with(params.clone()));
    params["now"] = json!(now);
    [DatabaseFact::Renamed.with(params)].into_iter().chain(used).collect()
}

fn of(facts: Vec<Fact>, step: Option<Step>, ownership: Option<Ownership>) -> Plan {
    Plan { schema_version: SCHEMA_VERSION, facts, steps: step.into_iter().collect(), secret: None, ownership }
}

/// A plan of what is wanted, without preconditions, for people to see; its step is never done.
fn blind(input: &DatabaseInput, why: &[Unseen]) -> Plan {
    let facts = unseen::facts(DatabaseFact::CouldNotLook.with(json!({})), why);
    credentials::extend_blind(of(facts, Some(steps::not_looked_at(input)), None), input)
}

fn describe(caller: &Caller, input: &DatabaseInput, server: &str) -> Plan {
    // Nothing of what was seen goes into this plan: what is described may change until then without anyone having to be asked again.
    let params = json!({ "database": input.database.as_str(), "server": server });
    let step = steps::step(input, Params::describe(input, server, &caller.project));
    of(vec![DatabaseFact::Described.with(params)], Some(step), None)
}

fn nothing_to_do(caller: &Caller, input: &DatabaseInput, server: &str) -> Plan {
    of(vec![DatabaseFact::AlreadyThere.with(names(caller, input, server))], None, None)
}

fn names(caller: &Caller, input: &DatabaseInput, server: &str) -> serde_json::Value {
    json!({
        "database": input.database.as_str(), "server": server,
        "project": caller.project.as_str(), "environment": input.environment.as_str(),
    })
}

fn ownership(input: &DatabaseInput, server: &str, change: OwnershipChange) -> Option<Ownership> {
    Some(Ownership {
        server: server.to_owned(),
        database: input.database.clone(),
        environment: input.environment.clone(),
        change,
    })
}

fn create_new(caller: &Caller, input: &DatabaseInput, server: &str) -> Plan {
    let facts = vec![
        DatabaseFact::Created.with(names(caller, input, server)),
        DatabaseFact::Marked.with(json!({})),
        DatabaseFact::CredentialsChecked.with(json!({ "server": server })),
    ];
    let step = steps::step(input, Params::create(input, server));
    of(facts, Some(step), ownership(input, server, OwnershipChange::Reserve))
}

fn quarantine(
    caller: &Caller,
    input: &DatabaseInput,
    looked: &Looked,
    ours: &Ours<'_>,
) -> Result<Plan, PlanRefusal> {
    let (server, there, owner) = (looked.server.as_str(), ours.there, ours.owner);
    let created_by = owner.request.parse().map_err(|_| unreadable_observation())?;
    let Some(kept_as) = quarantined_name(&input.database, &there.id) else {
        return refuse(OBSERVATION_UNREADABLE, input, server, "has an id that no name can be made of");
    };
    let params = json!({
        "database": input.database.as_str(), "server": server, "kept_as": kept_as.as_str(),
        "days": looked.quarantine_days,
    });
    let mut facts = facts_of_renaming(input, looked, ours);
    facts.push(DatabaseFact::Quarantined.with(params));
    facts.extend(facts_of_loss(caller, input, there, owner));
    facts.extend(credentials::kept_out(input, looked.role.as_ref(), owner));
    facts.push(DatabaseFact::StaysOwned.with(json!({
        "database": input.database.as_str(), "project": caller.project.as_str(),
    })));
    facts.push(DatabaseFact::CredentialsChecked.with(json!({ "server": server })));
    let params = Params::quarantine(input, server, &kept_as, &there.id).found_as(ours.now);
    let step = steps::step(input, params);
    let kept =
        Quarantine { kept_as, database_id: there.id.clone(), created_by, days: looked.quarantine_days };
    Ok(of(facts, Some(step), ownership(input, server, OwnershipChange::Quarantine(kept))))
}

fn drop_for_good(caller: &Caller, input: &DatabaseInput, looked: &Looked, ours: &Ours<'_>) -> Plan {
    let (server, there, owner) = (looked.server.as_str(), ours.there, ours.owner);
    let params = json!({ "database": input.database.as_str(), "server": server });
    let mut facts = facts_of_renaming(input, looked, ours);
    facts.push(DatabaseFact::Dropped.with(params.clone()));
    facts.extend(facts_of_loss(caller, input, there, owner));
    facts.push(DatabaseFact::NameFreed.with(params));
    let role = credentials::dropped(input, server, looked.role.as_ref(), owner);
    let (fact, role_step) = role.unzip();
    facts.extend(fact);
    let step = steps::step(input, Params::drop_for_good(input, server, &there.id).found_as(ours.now));
    let mut plan = of(facts, Some(step), ownership(input, server, OwnershipChange::Release));
    plan.steps.extend(role_step.flatten());
    plan
}

fn facts_of_loss(caller: &Caller, input: &DatabaseInput, there: &There, owner: &Owner) -> Vec<Fact> {
    vec![
        DatabaseFact::OwnedBy.with(json!({
            "project": caller.project.as_str(), "environment": input.environment.as_str(), "request": owner.request,
        })),
        DatabaseFact::Size.with(json!({ "below": order_of_magnitude(there.size_bytes) })),
        DatabaseFact::Connections.with(json!({ "below": next_power_of_ten(there.connections) })),
        DatabaseFact::ConnectionsEnd.with(json!({})),
    ]
}

/// From 10 on. As for sizes: each connection that comes and goes would make a different plan.
fn next_power_of_ten(count: u32) -> u64 {
    let mut power = 10;
    while power <= u64::from(count) {
        power *= 10;
    }
    power
}

/// The next power of ten above a size, from 10 MB on. An exact size would make a different plan, to be asked again, of every row that is
/// inserted meanwhile; that a database grew tenfold is worth asking again for.
fn order_of_magnitude(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["MB", "GB", "TB", "PB"];
    let mut unit_bytes: u64 = 1_000_000;
    for unit in UNITS {
        for factor in [10, 100, 1000] {
            if bytes < unit_bytes.saturating_mul(factor) {
                return if factor == 1000 { format!("1000 {unit}") } else { format!("{factor} {unit}") };
            }
        }
        unit_bytes = unit_bytes.saturating_mul(1000);
    }
    "more than 1000 PB".to_owned()
}

/// The name a database is kept under: the same for the same database, another for every other, never longer than a name may be.
fn quarantined_name(database: &DatabaseName, id: &str) -> Option<DatabaseName> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // Ids of other forms, such as a file's, are named by their digest.
    let id = if (1..=20).contains(&id.len()) && id.bytes().all(plain) {
        id.to_owned()
    } else {
        Digest::of_bytes(id.as_bytes()).short()
    };
    let room = MAX_NAME - QUARANTINE_PREFIX.len() - 1 - id.len();
    // A database's name is ASCII, so cutting it by characters cuts it by bytes.
    let shortened: String = database.as_str().chars().take(room).collect();
    DatabaseName::parse(&format!("{QUARANTINE_PREFIX}{shortened}_{id}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_as(database: &str, id: &str) -> String {
        quarantined_name(&DatabaseName::parse(database).unwrap(), id).unwrap().to_string()
    }

    #[test]
    fn a_quarantined_name_fits_and_tells_databases_apart() {
        assert_eq!(kept_as("orders", "16384"), "_q_orders_16384");
        let long = "a".repeat(63);
        assert_eq!(kept_as(&long, "16384"), format!("_q_{}_16384", "a".repeat(54)));
        for id in ["16384", "18446744073709551615", "File-Id/7", "", &"x".repeat(200)] {
            assert!(kept_as(&long, id).len() <= 63, "{id}");
        }
        assert_ne!(kept_as("orders", "File-Id/7"), kept_as("orders", "File-Id/8"));
        assert_eq!(kept_as("orders", "File-Id/7"), kept_as("orders", "File-Id/7"));
    }

    #[test]
    fn connections_are_told_by_their_order_of_magnitude() {
        for (count, below) in
            [(0, 10), (9, 10), (10, 100), (99, 100), (100, 1000), (u32::MAX, 10_000_000_000)]
        {
            assert_eq!(next_power_of_ten(count), below, "{count}");
        }
    }

    #[test]
    fn sizes_are_told_by_their_order_of_magnitude() {
        for (bytes, below) in [
            (0, "10 MB"),
            (9_999_999, "10 MB"),
            (10_000_000, "100 MB"),
            (999_999_999, "1000 MB"),
            (1_000_000_000, "10 GB"),
            (40_000_000_000, "100 GB"),
            (2_000_000_000_000, "10 TB"),
            (u64::MAX, "more than 1000 PB"),
        ] {
            assert_eq!(order_of_magnitude(bytes), below, "{bytes}");
        }
    }
}
