//! Taking the write back when a later step is refused for good: the value that was there is put back, a key that is new is removed, and a
//! Secret that is new and holds nothing else is deleted.
//!
//! Our value is random: while the key holds it nobody else has written that key since.

use countersign_kernel::Namespace;
use serde::Deserialize as _;

use super::step::{APPLY_KEY, KubernetesStep, Precondition};
use crate::plan::Step;
use crate::ports::{ApplyKey, KubernetesReceipt, KubernetesSecrets, RemoveKey, TargetError, TargetErrorKind};
use crate::secret::SecretValue;
use crate::tool::{Kept, ProbeOutcome, StepOutcome, StepWork, UNDO_FAILED, UndoWork};
use crate::tools::answers::{probe_failed, read_failed, scrub, with_evidence, write_failed};

/// What was there before our write.
#[derive(Clone, Copy)]
enum Before<'v> {
    NoSecret,
    NoKey,
    Value(&'v SecretValue),
}

/// The key that was written, and what is needed to take it back.
struct Written<'w> {
    params: KubernetesStep,
    namespace: Namespace,
    ours: &'w SecretValue,
    before: Before<'w>,
}

/// Whether it is a step of this kind that can be undone.
pub(crate) fn undoes(step: &Step) -> bool {
    step.kind == APPLY_KEY
        && KubernetesStep::deserialize(&step.params).is_ok_and(|params| params.key_existed.is_some())
}

/// The value that the write will replace, in exactly the version that was approved.
pub(crate) async fn keep(kubernetes: &dyn KubernetesSecrets, work: StepWork<'_>) -> Kept {
    let Ok(params) = KubernetesStep::deserialize(&work.step.params) else { return unreadable(work.step) };
    let Ok(namespace) = Namespace::parse(&params.namespace) else { return unreadable(work.step) };
    match (&params.resource_version, params.key_existed) {
        (Precondition::Seen(Some(version)), Some(true)) => {
            match kubernetes.read_key(&namespace, &params.name, &params.key, version).await {
                Ok(Some(value)) => Kept::Value(value),
                Ok(None) => Kept::CouldNotRead { why: format!("`{}` is gone", work.step.target) },
                Err(error) => Kept::CouldNotRead { why: scrub(&error.to_string(), None) },
            }
        }
        (Precondition::Seen(_) | Precondition::NotLookedAt, _) => Kept::Nothing,
    }
}

fn unreadable(step: &Step) -> Kept {
    Kept::CouldNotRead { why: format!("`{}` has parameters this version can't read", step.target) }
}

/// Puts back what was there, if the key still holds our value.
pub(crate) async fn undo(kubernetes: &dyn KubernetesSecrets, work: UndoWork<'_>) -> StepOutcome {
    let written = match Written::of(&work) {
        Ok(written) => written,
        Err(message) => return StepOutcome::Permanent { code: UNDO_FAILED, message },
    };
    let found = match written.find(kubernetes, written.ours).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            let message = format!("`{}` was changed by somebody else since", work.step.step.target);
            return StepOutcome::Permanent { code: TargetErrorKind::Conflict.code(), message };
        }
        Err(error) => return read_failed(&error),
    };
    match written.put_back(kubernetes, &work, &found).await {
        Ok(()) => StepOutcome::Done { receipt: work.receipt.clone() },
        Err(error) => write_failed(error, Some(written.ours)),
    }
}

/// Looks whether what was there is there again.
pub(crate) async fn probe_undo(kubernetes: &dyn KubernetesSecrets, work: UndoWork<'_>) -> ProbeOutcome {
    let written = match Written::of(&work) {
        Ok(written) => written,
        Err(why) => return ProbeOutcome::CannotTell { why, retry: false },
    };
    match written.find(kubernetes, written.ours).await {
        Ok(Some(_)) => return ProbeOutcome::NotDone,
        Ok(None) => {}
        Err(error) => return probe_failed(&error, Some(written.ours)),
    }
    match written.is_as_before(kubernetes).await {
        Ok(true) => {
            let evidence = "the key is as it was before";
            ProbeOutcome::Done { receipt: with_evidence(work.receipt.clone(), evidence) }
        }
        Ok(false) => ProbeOutcome::CannotTell {
            why: format!("`{}` holds neither our value nor what was there before", work.step.step.target),
            retry: false,
        },
        Err(error) => probe_failed(&error, Some(written.ours)),
    }
}

impl<'w> Written<'w> {
    fn of(work: &'w UndoWork<'w>) -> Result<Self, String> {
        let target = &work.step.step.target;
        let params = KubernetesStep::deserialize(&work.step.step.params)
            .map_err(|_| format!("`{target}` has parameters this version can't read"))?;
        let namespace = Namespace::parse(&params.namespace)
            .map_err(|_| format!("`{target}` has parameters this version can't read"))?;
        let ours = work
            .step
            .secret
            .ok_or_else(|| format!("without the sealed value `{target}` can't be compared"))?;
        let before = match (&params.resource_version, params.key_existed, work.kept) {
            (Precondition::Seen(None), Some(_), _) => Before::NoSecret,
            (Precondition::Seen(Some(_)), Some(false), _) => Before::NoKey,
            (Precondition::Seen(Some(_)), Some(true), Some(value)) => Before::Value(value),
            (Precondition::Seen(Some(_)), Some(true), None)
            | (Precondition::Seen(_), None, _)
            | (Precondition::NotLookedAt, _, _) => {
                return Err(format!("what `{target}` held before was not kept"));
            }
        };
        Ok(Self { params, namespace, ours, before })
    }

    /// The version in which the key holds this value.
    async fn find(
        &self,
        kubernetes: &dyn KubernetesSecrets,
        value: &SecretValue,
    ) -> Result<Option<KubernetesReceipt>, TargetError> {
        match kubernetes.holds(&self.namespace, &self.params.name, &self.params.key, value).await {
            Err(error) if error.kind == TargetErrorKind::NotFound => Ok(None),
            answer => answer,
        }
    }

    async fn is_as_before(&self, kubernetes: &dyn KubernetesSecrets) -> Result<bool, TargetError> {
        match self.before {
            Before::Value(kept) => Ok(self.find(kubernetes, kept).await?.is_some()),
            Before::NoSecret | Before::NoKey => Ok(!self.other_keys(kubernetes).await?.0),
        }
    }

    /// Whether the Secret has our key, and whether it has any other.
    async fn other_keys(&self, kubernetes: &dyn KubernetesSecrets) -> Result<(bool, bool), TargetError> {
        match kubernetes.look(&self.namespace, &self.params.name).await {
            Ok(seen) => {
                let keys: Vec<_> = seen.into_iter().flat_map(|seen| seen.keys).collect();
                let is_ours = |name: &str| name == self.params.key;
                Ok((keys.iter().any(|key| is_ours(&key.name)), keys.iter().any(|key| !is_ours(&key.name))))
            }
            Err(error) if error.kind == TargetErrorKind::NotFound => Ok((false, false)),
            Err(error) => Err(error),
        }
    }

    async fn put_back(
        &self,
        kubernetes: &dyn KubernetesSecrets,
        work: &UndoWork<'_>,
        found: &KubernetesReceipt,
    ) -> Result<(), TargetError> {
        let (namespace, name, key) = (&self.namespace, self.params.name.as_str(), self.params.key.as_str());
        let (request, fence) = (work.step.request, work.step.fence);
        if let Before::Value(value) = self.before {
            let expected_version = Some(found.resource_version.as_str());
            let write = ApplyKey { namespace, name, key, value, expected_version, request, fence };
            return kubernetes.apply_key(write).await.map(|_| ());
        }
        if matches!(self.before, Before::NoSecret) && !self.other_keys(kubernetes).await?.1 {
            return kubernetes.delete(namespace, name, found).await;
        }
        let expected_version = found.resource_version.as_str();
        let write = RemoveKey { namespace, name, key, expected_version, request, fence };
        kubernetes.remove_key(write).await.map(|_| ())
    }
}
