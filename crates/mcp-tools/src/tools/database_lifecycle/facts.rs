//! What the tool states about a database and the change.

use crate::tools::facts::fact_codes;

fact_codes! {
    /// The facts of a database's life.
    DatabaseFact {
        CouldNotLook: "could_not_look"
            => "The database could not be looked at: {why}. Nobody knows what would change, so nothing runs until it can be.",
        Created: "database_created"
            => "The database `{database}` does not exist on server `{server}`; it will be created for project `{project}` in `{environment}`.",
        Marked: "database_marked"
            => "It will carry the mark of this request, by which Countersign later knows it as its own.",
        AlreadyThere: "database_already_there"
            => "The database `{database}` exists on server `{server}` and belongs to project `{project}` in `{environment}`: nothing changes.",
        Renamed: "database_renamed"
            => "The database registered as `{database}` on server `{server}` was renamed by hand: it is called `{now}` now, and was \
                found by the mark of the request that created it.",
        NameUsed: "database_name_used"
            => "Another database is called `{database}` on server `{server}` now. It isn't the registered one and stays as it is.",
        Quarantined: "database_quarantined"
            => "The database `{database}` on server `{server}` will be renamed to `{kept_as}` and closed to connections. Its \
                data are kept for {days} days, in which staff can restore it; then it is dropped.",
        StaysOwned: "database_stays_owned"
            => "While it is kept it stays with project `{project}`; the name `{database}` is free for another database.",
        NameFreed: "database_name_freed"
            => "Nobody owns the name `{database}` on server `{server}` then; it is free for another database.",
        Dropped: "database_dropped"
            => "The database `{database}` on server `{server}` will be dropped with all its data. This can't be undone.",
        ConnectionsEnd: "database_connections_end"
            => "Connections that are open then will be ended.",
        Connections: "database_connections"
            => "Fewer than {below} connections to it are open now.",
        Size: "database_size"
            => "It takes less than {below} on disk.",
        OwnedBy: "database_owned"
            => "It belongs to project `{project}` in `{environment}`, created by request {request}.",
        CredentialsChecked: "credentials_checked"
            => "Countersign's own credentials may manage databases on server `{server}`.",
        RoleCreated: "database_role_created"
            => "The login role `{role}` does not exist on server `{server}`; it will be created. Nobody else may connect to the database, in \
                which the role may make schemas and tables.",
        PasswordGenerated: "database_password_generated"
            => "The role's password is a new random value, generated inside Countersign and put into `{place}`; nobody sees it. The server \
                gets what verifies it, not the password.",
        TakenBack: "database_credentials_taken_back"
            => "The key is written first, then the role is made. Both are taken back if the server refuses what follows.",
        RoleCredentialsChecked: "database_role_credentials_checked"
            => "Countersign's own credentials may make login roles on server `{server}` and write the Kubernetes Secret.",
        RoleKeptOut: "database_role_kept_out"
            => "Its login role `{role}` stays and can't connect to it meanwhile. It is dropped with the database.",
        RoleDropped: "database_role_dropped"
            => "Its login role `{role}` will be dropped after it. This can't be undone.",
        RoleStays: "database_role_stays"
            => "Its login role `{role}` stays: something on server `{server}` other than the database depends on it.",
        Described: "database_described"
            => "The database `{database}` on server `{server}` will be described; nothing changes.",
    }
}
