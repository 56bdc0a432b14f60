//! What the tool states about its targets and the change.

use crate::tools::facts::fact_codes;

fact_codes! {
    /// The facts of a secret's synchronisation.
    SyncFact {
        CouldNotLook: "could_not_look"
            en "The targets could not be looked at. Nobody knows what would change, so nothing runs until they can be."
            ru "Посмотреть на цели не удалось. Что изменится, не знает никто, поэтому ничего не выполняется, пока это не получится.",
        RepositorySecretCreated: "github_repository_secret_created"
            en "The GitHub Actions secret `{name}` does not exist in repository `{repository}`; it will be created."
            ru "Секрета GitHub Actions `{name}` ещё нет в репозитории `{repository}`; он будет создан.",
        RepositorySecretReplaced: "github_repository_secret_replaced"
            en "The GitHub Actions secret `{name}` exists in repository `{repository}`, last updated at {updated_at}; its value will be replaced."
            ru "Секрет GitHub Actions `{name}` есть в репозитории `{repository}`, последний раз менялся {updated_at}; его значение будет заменено.",
        EnvironmentSecretCreated: "github_environment_secret_created"
            en "The GitHub Actions secret `{name}` does not exist in environment `{environment}` of `{repository}`; it will be created."
            ru "Секрета GitHub Actions `{name}` ещё нет в окружении `{environment}` репозитория `{repository}`; он будет создан.",
        EnvironmentSecretReplaced: "github_environment_secret_replaced"
            en "The GitHub Actions secret `{name}` exists in environment `{environment}` of `{repository}`, last updated at {updated_at}; \
                its value will be replaced."
            ru "Секрет GitHub Actions `{name}` есть в окружении `{environment}` репозитория `{repository}`, последний раз менялся {updated_at}; его значение будет заменено.",
        GithubLast: "github_last"
            en "GitHub is written last: what is put there can't be read back or undone."
            ru "В GitHub запись идёт последней: записанное туда нельзя ни прочитать, ни отменить.",
        ValueGenerated: "secret_value_generated"
            en "A new random value will be generated inside Countersign; nobody sees it. The value in use now is lost."
            ru "Новое случайное значение создаётся внутри Countersign, его никто не видит. Нынешнее значение будет утрачено.",
        ValueGeneratedFirst: "secret_value_generated_first"
            en "A new random value will be generated inside Countersign; nobody sees it. No value is replaced."
            ru "Новое случайное значение создаётся внутри Countersign, его никто не видит. Ничего не заменяется.",
        CredentialsChecked: "credentials_checked"
            en "Countersign's own credentials may write to both targets."
            ru "У самого Countersign есть право записи в обе цели.",
        SecretKept: "secret_kept"
            en "Both secrets exist and the policy of this call is to keep what exists: nothing changes."
            ru "Оба секрета существуют, а по условию этого вызова существующее сохраняется: ничего не изменится.",
    }
}
