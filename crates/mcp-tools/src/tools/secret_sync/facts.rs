//! What the tool states about its targets and the change.

use crate::tools::facts::fact_codes;

fact_codes! {
    /// The facts of a secret's synchronisation.
    SyncFact {
        CouldNotLook: "could_not_look"
            => "The targets could not be looked at: {why}. Nobody knows what would change, so nothing runs until they can be.",
        KubernetesSecretCreated: "kubernetes_secret_created"
            => "The Kubernetes Secret `{namespace}/{name}` does not exist; it will be created with the key `{key}`.",
        KubernetesKeyAdded: "kubernetes_key_added"
            => "The Kubernetes Secret `{namespace}/{name}` exists without the key `{key}`; the key will be added.",
        KubernetesKeyReplaced: "kubernetes_key_replaced"
            => "The key `{key}` of the Kubernetes Secret `{namespace}/{name}` exists; its value will be replaced.",
        KubernetesOtherKeysStay: "kubernetes_other_keys_stay"
            => "The other keys of the Kubernetes Secret stay as they are: {keys}.",
        KubernetesSecretType: "kubernetes_secret_type"
            => "The Kubernetes Secret is of type `{secret_type}`, not `Opaque`.",
        KubernetesWrittenBefore: "kubernetes_written_before"
            => "Countersign wrote the Kubernetes Secret before, for request {request}.",
        GithubSecretCreated: "github_secret_created"
            => "The GitHub Actions secret `{name}` does not exist in {place}; it will be created.",
        GithubSecretReplaced: "github_secret_replaced"
            => "The GitHub Actions secret `{name}` exists in {place}, last updated at {updated_at}; its value will be replaced.",
        GithubLast: "github_last"
            => "GitHub is written last: what is put there can't be read back or undone.",
        ValueGenerated: "secret_value_generated"
            => "A new random value will be generated inside Countersign; nobody sees it. The value in use now is lost.",
        ValueGeneratedFirst: "secret_value_generated_first"
            => "A new random value will be generated inside Countersign; nobody sees it. No value is replaced.",
        CredentialsChecked: "credentials_checked"
            => "Countersign's own credentials may write to both targets.",
        SecretKept: "secret_kept"
            => "Both secrets exist and the policy of this call is to keep what exists: nothing changes.",
    }
}
