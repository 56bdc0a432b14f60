//! What the tool states about a database and the change.

use crate::tools::facts::fact_codes;

fact_codes! {
    /// The facts of a database's life.
    DatabaseFact {
        CouldNotLook: "could_not_look"
            en "The database could not be looked at. Nobody knows what would change, so nothing runs until it can be."
            ru "Посмотреть на базу данных не удалось. Что изменится, не знает никто, поэтому ничего не выполняется, пока это не получится.",
        Created: "database_created"
            en "The database `{database}` does not exist on server `{server}`; it will be created for project `{project}` in `{environment}`."
            ru "Базы данных `{database}` на сервере `{server}` нет; она будет создана для проекта `{project}` в окружении `{environment}`.",
        Marked: "database_marked"
            en "It will carry the mark of this request, by which Countersign later knows it as its own."
            ru "На ней будет метка этого запроса, по которой Countersign потом узнаёт её как свою.",
        AlreadyThere: "database_already_there"
            en "The database `{database}` exists on server `{server}` and belongs to project `{project}` in `{environment}`: nothing changes."
            ru "База данных `{database}` на сервере `{server}` уже есть и принадлежит проекту `{project}` в окружении `{environment}`: ничего не изменится.",
        Renamed: "database_renamed"
            en "The database registered as `{database}` on server `{server}` was renamed by hand: it is called `{now}` now, and was \
                found by the mark of the request that created it."
            ru "Базу данных, записанную как `{database}` на сервере `{server}`, переименовали вручную: теперь она называется `{now}` и найдена по метке запроса, который её создал.",
        NameUsed: "database_name_used"
            en "Another database is called `{database}` on server `{server}` now. It isn't the registered one and stays as it is."
            ru "Теперь `{database}` на сервере `{server}` называется другая база данных. Она не та, что записана, и останется как есть.",
        Quarantined: "database_quarantined"
            en "The database `{database}` on server `{server}` will be renamed to `{kept_as}` and closed to connections. Its \
                data are kept for {days} days, in which staff can restore it; then it is dropped."
            ru "База данных `{database}` на сервере `{server}` будет переименована в `{kept_as}` и закрыта для подключений. Данные хранятся, дней: {days}; за это время её можно вернуть, потом она удаляется.",
        StaysOwned: "database_stays_owned"
            en "While it is kept it stays with project `{project}`; the name `{database}` is free for another database."
            ru "Пока она хранится, она принадлежит проекту `{project}`; имя `{database}` свободно для другой базы данных.",
        NameFreed: "database_name_freed"
            en "Nobody owns the name `{database}` on server `{server}` then; it is free for another database."
            ru "Имя `{database}` на сервере `{server}` после этого ничьё: оно свободно для другой базы данных.",
        Dropped: "database_dropped"
            en "The database `{database}` on server `{server}` will be dropped with all its data. This can't be undone."
            ru "База данных `{database}` на сервере `{server}` будет удалена со всеми данными. Отменить это нельзя.",
        ConnectionsEnd: "database_connections_end"
            en "Connections that are open then will be ended."
            ru "Открытые к этому времени подключения будут разорваны.",
        Connections: "database_connections"
            en "Fewer than {below} connections to it are open now."
            ru "Открытых подключений к ней сейчас меньше {below}.",
        Size: "database_size"
            en "It takes less than {below} on disk."
            ru "На диске она занимает меньше {below}.",
        OwnedBy: "database_owned"
            en "It belongs to project `{project}` in `{environment}`, created by request {request}."
            ru "Она принадлежит проекту `{project}` в окружении `{environment}`; её создал запрос {request}.",
        CredentialsChecked: "credentials_checked"
            en "Countersign's own credentials may manage databases on server `{server}`."
            ru "У самого Countersign есть право управлять базами данных на сервере `{server}`.",
        RoleCreated: "database_role_created"
            en "The login role `{role}` does not exist on server `{server}`; it will be created. Nobody else may connect to the database, in \
                which the role may make schemas and tables."
            ru "Роли для входа `{role}` на сервере `{server}` нет; она будет создана. Больше никто не сможет подключаться к базе данных, а роль сможет создавать в ней схемы и таблицы.",
        PasswordGenerated: "database_password_generated"
            en "The role's password is a new random value, generated inside Countersign and put into `{place}`; nobody sees it. The server \
                gets what verifies it, not the password."
            ru "Пароль роли — новое случайное значение: оно создаётся внутри Countersign и попадает в `{place}`, его никто не видит. Сервер получает то, чем пароль проверяется, а не сам пароль.",
        TakenBack: "database_credentials_taken_back"
            en "The key is written first, then the role is made. Both are taken back if the server refuses what follows."
            ru "Сначала записывается ключ, потом создаётся роль. Если сервер откажет дальше, и то и другое отменяется.",
        RoleCredentialsChecked: "database_role_credentials_checked"
            en "Countersign's own credentials may make login roles on server `{server}` and write the Kubernetes Secret."
            ru "У самого Countersign есть право создавать роли для входа на сервере `{server}` и записывать Kubernetes Secret.",
        RoleKeptOut: "database_role_kept_out"
            en "Its login role `{role}` stays and can't connect to it meanwhile. It is dropped with the database."
            ru "Её роль для входа `{role}` остаётся, но подключиться тем временем не может. Она удаляется вместе с базой данных.",
        RoleDropped: "database_role_dropped"
            en "Its login role `{role}` will be dropped after it. This can't be undone."
            ru "Её роль для входа `{role}` будет удалена после неё. Отменить это нельзя.",
        RoleStays: "database_role_stays"
            en "Its login role `{role}` stays: something on server `{server}` other than the database depends on it."
            ru "Её роль для входа `{role}` остаётся: от неё на сервере `{server}` зависит что-то кроме этой базы данных.",
        Described: "database_described"
            en "The database `{database}` on server `{server}` will be described; nothing changes."
            ru "База данных `{database}` на сервере `{server}` будет описана; ничего не изменится.",
    }
}
