//! What is noticed about a role and a key that somebody changes by hand.

use super::*;
use crate::tools::samples::done;
use crate::watch::Deviation;

/// Inspects this step of a creation by request 1, where these are seen and the register says that.
async fn inspected(
    step: usize,
    seen: Option<RoleSeen>,
    secret: Option<SecretSeen>,
    row: Option<OwnedDatabase>,
) -> Inspection {
    let call = create();
    let plan = planned(&call, There::default()).await.unwrap();
    let mut roles = MockLoginRoles::new();
    roles.expect_look_at_role().returning(move |_| Ok(seen.clone()));
    let mut kubernetes = MockKubernetesSecrets::new();
    kubernetes.expect_look().returning(move |_, _| Ok(secret.clone()));
    let mut register = MockDatabaseRegister::new();
    register.expect_find_owner().returning(move |_, _| Ok(row.clone()));
    let receipts = [
        json!({
            "namespace": "shop-dev", "name": "orders-db", "key": "password", "resource_version": "42", "uid": "uid-1",
        }),
        json!({"server": "main", "role": "orders", "id": "16400"}),
    ];
    let tool = tool_with(server_with(roles), register, kubernetes);
    tool.inspect(done(&call, &plan, step, &receipts[step])).await
}

fn deviation(inspection: &Inspection) -> Option<Deviation> {
    match inspection {
        Inspection::AsLeft | Inspection::NotWatched => None,
        Inspection::Changed { finding, .. } => Some(finding.deviation),
        Inspection::CouldNotLook { why } => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_role_stays_itself_with_its_mark_while_its_database_is_in_use() {
    let in_use = || Some(owner(OwnedState::Active, 1));
    let another = RoleSeen { id: "17000".to_owned(), ..role(Some(1)) };
    let table = [
        (Some(role(Some(1))), None),
        (None, Some(Deviation::Removed)),
        (Some(another), Some(Deviation::Replaced)),
        (Some(role(None)), Some(Deviation::Unmarked)),
        (Some(role(Some(9))), Some(Deviation::Unmarked)),
    ];
    for (seen, expected) in table {
        let case = format!("{seen:?}");
        assert_eq!(deviation(&inspected(1, seen, None, in_use()).await), expected, "{case}");
    }
    for row in [None, Some(owner(OwnedState::Purging, 1)), Some(owner(OwnedState::Active, 7))] {
        assert_eq!(inspected(1, None, None, row).await, Inspection::NotWatched);
    }
}

#[tokio::test]
async fn the_key_is_watched_while_the_database_is_in_use() {
    let in_use = || Some(owner(OwnedState::Active, 1));
    let as_left = SecretSeen { resource_version: "42".to_owned(), ..secret(&[("password", "countersign")]) };
    assert_eq!(inspected(0, None, Some(as_left), in_use()).await, Inspection::AsLeft);
    let by_hand = || Some(secret(&[("password", "kubectl-edit")]));
    assert_eq!(deviation(&inspected(0, None, by_hand(), in_use()).await), Some(Deviation::Rewritten));
    assert_eq!(inspected(0, None, by_hand(), None).await, Inspection::NotWatched);
}
