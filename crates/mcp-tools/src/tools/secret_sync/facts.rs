//! What the tool states about its targets and the change.

use crate::tools::facts::fact_codes;

fact_codes! {
    /// The facts of a secret's synchronisation.
    SyncFact {
        CouldNotLook: "could_not_look"
            => "The targets could not be looked at: {why}. Nobody knows what would change, so nothing runs until they can be.",
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
