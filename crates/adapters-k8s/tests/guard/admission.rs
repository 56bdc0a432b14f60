//! What the admission policy lets through and what it refuses, over admission requests of every kind.

use serde_json::{Value, json};

use crate::policy::{Verdict, evaluate};
use crate::strict::documents;
use crate::{guard, namespaces};

const OURS: &str = "system:serviceaccount:countersign:countersign";
const ADMIN: &str = "kubernetes-admin";
const OTHER: &str = "system:serviceaccount:shop-dev:countersign";
const GARBAGE: &str = "system:serviceaccount:kube-system:generic-garbage-collector";
const NAMESPACES: &str = "system:serviceaccount:kube-system:namespace-controller";
const ONE_IDENTITY: &str = "system:kube-controller-manager";

/// Who may: the first validation. With which field manager: the second.
const WHO: Verdict = Verdict::Refused(0);
const MANAGER: Verdict = Verdict::Refused(1);

fn plain() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "app", "namespace": "shop-dev", "uid": "u1", "resourceVersion": "7"},
        "data": {"value": "b2xk"},
    })
}

fn managed() -> Value {
    changed(plain(), |it| {
        it["metadata"]["annotations"] =
            json!({"countersign.dev/request": "areq_1", "countersign.dev/fence": "3", "team": "shop"});
    })
}

fn changed(mut object: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut object);
    object
}

fn set(object: Value, pointer: &str, value: Value) -> Value {
    changed(object, |it| {
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
        it.pointer_mut(parent).expect("the parent is there")[last.replace("~1", "/")] = value;
    })
}

fn without(object: Value, pointer: &str) -> Value {
    changed(object, |it| {
        let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
        let parent = it.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is there");
        parent.remove(&last.replace("~1", "/")).expect("the member is there");
    })
}

fn review(user: &str, operation: &str, manager: Option<&str>, old: Value, new: Value) -> Value {
    let kind = if operation == "DELETE" { "DeleteOptions" } else { "PatchOptions" };
    let mut options = json!({"apiVersion": "meta.k8s.io/v1", "kind": kind});
    if let Some(manager) = manager {
        options["fieldManager"] = json!(manager);
    }
    json!({
        "object": new,
        "oldObject": old,
        "request": {
            "operation": operation,
            "namespace": "shop-dev",
            "name": "app",
            "resource": {"group": "", "version": "v1", "resource": "secrets"},
            "userInfo": {"username": user, "groups": ["system:authenticated", "system:masters"]},
            "options": options,
            "dryRun": false,
        },
    })
}

fn create(user: &str, manager: Option<&str>, new: Value) -> Value {
    review(user, "CREATE", manager, Value::Null, new)
}

fn update(user: &str, manager: Option<&str>, old: Value, new: Value) -> Value {
    review(user, "UPDATE", manager, old, new)
}

fn delete(user: &str, old: Value) -> Value {
    review(user, "DELETE", None, old, Value::Null)
}

fn new_value() -> Value {
    set(managed(), "/data/value", json!("bmV3"))
}

fn check(fixtures: Vec<(&str, Value, Verdict)>) {
    let policy = documents(&guard().manifests()).remove(0);
    for (what, review, expected) in fixtures {
        assert_eq!(evaluate(&policy, &review), expected, "{what}");
    }
}

#[test]
fn a_secret_that_is_not_ours_is_nobody_elses_business() {
    use Verdict::Skipped;
    let labelled = set(plain(), "/metadata/labels", json!({"a": "b"}));
    let annotated = set(plain(), "/metadata/annotations", json!({"team": "shop"}));
    check(vec![
        ("a plain Secret is made by anybody", create(OTHER, Some("kubectl"), plain()), Skipped),
        ("a plain Secret is changed", update(ADMIN, Some("kubectl"), plain(), labelled), Skipped),
        ("annotations of others don't count", update(ADMIN, None, plain(), annotated.clone()), Skipped),
        ("a plain Secret is deleted", delete(OTHER, annotated), Skipped),
        ("a Secret without data is made", create(OTHER, None, without(plain(), "/data")), Skipped),
    ]);
}

#[test]
fn countersign_writes_what_it_manages_with_its_own_field_manager() {
    use Verdict::Allowed;
    let ours = Some("countersign");
    check(vec![
        ("a new Secret", create(OURS, ours, managed()), Allowed),
        ("a new value", update(OURS, ours, managed(), new_value()), Allowed),
        ("an existing Secret becomes managed", update(OURS, ours, plain(), managed()), Allowed),
        ("an undone step takes the annotations away", update(OURS, ours, managed(), plain()), Allowed),
        ("an undone step deletes what it made", delete(OURS, managed()), Allowed),
        ("our account through kubectl", update(OURS, Some("kubectl-edit"), managed(), new_value()), MANAGER),
        ("our account without a field manager", create(OURS, None, managed()), MANAGER),
        ("our account without options", without(create(OURS, None, managed()), "/request/options"), MANAGER),
    ]);
}

#[test]
fn nobody_else_makes_changes_or_deletes_what_countersign_manages() {
    let ours = Some("countersign");
    let immutable = set(managed(), "/immutable", json!(true));
    let without_data = without(managed(), "/data");
    let owned = json!([{"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "u9"}]);
    check(vec![
        ("forged annotations on a new Secret", create(ADMIN, Some("kubectl"), managed()), WHO),
        ("a new value by an administrator", update(ADMIN, Some("kubectl"), managed(), new_value()), WHO),
        ("our field manager is no pass", update(ADMIN, ours, managed(), new_value()), WHO),
        ("an account of our name elsewhere", update(OTHER, ours, managed(), new_value()), WHO),
        ("the value is taken away", update(ADMIN, None, managed(), without_data), WHO),
        (
            "another key is added",
            update(OTHER, None, managed(), set(managed(), "/data/x", json!("eA=="))),
            WHO,
        ),
        ("it is made immutable", update(ADMIN, None, managed(), immutable), WHO),
        ("the type changes", update(ADMIN, None, managed(), set(managed(), "/type", json!("x/y"))), WHO),
        ("deleted by an administrator", delete(ADMIN, managed()), WHO),
        ("deleted by another account", delete(OTHER, managed()), WHO),
        (
            "left to the garbage collector",
            update(ADMIN, None, managed(), set(managed(), "/metadata/ownerReferences", owned)),
            WHO,
        ),
    ]);
}

#[test]
fn nobody_else_touches_the_annotations() {
    let other = set(managed(), "/metadata/annotations/countersign.dev~1request", json!("areq_2"));
    let fence = set(managed(), "/metadata/annotations/countersign.dev~1fence", json!("9"));
    let half = without(managed(), "/metadata/annotations/countersign.dev~1request");
    let only_fence = set(plain(), "/metadata/annotations", json!({"countersign.dev/fence": "3"}));
    check(vec![
        ("added", update(ADMIN, Some("kubectl"), plain(), managed()), WHO),
        ("one of them added", update(ADMIN, Some("kubectl"), plain(), only_fence.clone()), WHO),
        ("stripped", update(ADMIN, Some("kubectl"), managed(), plain()), WHO),
        ("one of them stripped", update(ADMIN, Some("kubectl"), managed(), half), WHO),
        ("what is left of them is stripped", update(ADMIN, None, only_fence, plain()), WHO),
        ("another request", update(OTHER, None, managed(), other), WHO),
        ("another fence", update(OTHER, None, managed(), fence), WHO),
    ]);
}

#[test]
fn what_kubernetes_itself_has_to_do_it_can() {
    use Verdict::Allowed;
    let versioned = set(managed(), "/metadata/resourceVersion", json!("8"));
    let managers = set(managed(), "/metadata/managedFields", json!([{"manager": "kubectl"}]));
    check(vec![
        ("the namespace goes", delete(NAMESPACES, managed()), Allowed),
        ("the owner goes", delete(GARBAGE, managed()), Allowed),
        ("stored anew, unchanged", update(ADMIN, Some("kubectl-replace"), managed(), versioned), Allowed),
        ("who manages which field isn't content", update(ADMIN, None, managed(), managers), Allowed),
        ("a cleaner doesn't write", update(GARBAGE, None, managed(), new_value()), WHO),
        ("a cleaner doesn't make", create(NAMESPACES, None, managed()), WHO),
        ("controllers of one identity, unless configured", delete(ONE_IDENTITY, managed()), WHO),
    ]);
}

#[test]
fn a_configured_cleaner_may_delete_and_no_more() {
    let mut guard = guard();
    guard.cleaners = vec![ONE_IDENTITY.to_owned(), "strange \"] || true || [\"".to_owned()];
    guard.namespaces = namespaces(&["shop-dev"]);
    let policy = documents(&guard.manifests()).remove(0);
    assert_eq!(evaluate(&policy, &delete(ONE_IDENTITY, managed())), Verdict::Allowed);
    assert_eq!(evaluate(&policy, &update(ONE_IDENTITY, None, managed(), new_value())), WHO);
    assert_eq!(evaluate(&policy, &delete(ADMIN, managed())), WHO, "a name is never read as an expression");
}

#[test]
fn another_account_and_field_manager_are_taken_as_configured() {
    let mut guard = guard();
    guard.service_account = "ops/gate".parse().unwrap();
    guard.field_manager = "gate".to_owned();
    let policy = documents(&guard.manifests()).remove(0);
    let ours = "system:serviceaccount:ops:gate";
    assert_eq!(evaluate(&policy, &create(ours, Some("gate"), managed())), Verdict::Allowed);
    assert_eq!(evaluate(&policy, &create(ours, Some("countersign"), managed())), MANAGER);
    assert_eq!(evaluate(&policy, &create(OURS, Some("gate"), managed())), WHO);
}
