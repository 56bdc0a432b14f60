//! `DatabaseService`: databases in quarantine, for staff.

use countersign_kernel::DatabaseName;
use countersign_mcp_tools::ports::OwnedState;
use countersign_usecases::databases::{list_kept, restore_database};
use countersign_usecases::record::{Kept, OwnerRow};
use tonic::{Request, Response, Status};

use crate::convert::fields::{Fields, MAX_REASON};
use crate::convert::{page, stamp};
use crate::identity::Context;
use crate::pace::Shared;
use crate::status::refuse;
use crate::v1;
use crate::v1::database_service_server::DatabaseService;

const PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;
/// The fewest characters that say why somebody wants a database back.
const MIN_REASON: usize = 10;
const MAX_SERVER: usize = 128;
const SCOPE: &str = "quarantined databases";

/// The service.
pub(crate) struct Databases(pub(crate) Shared);

#[tonic::async_trait]
impl DatabaseService for Databases {
    async fn list_quarantined_databases(
        &self,
        request: Request<v1::ListQuarantinedDatabasesRequest>,
    ) -> Result<Response<v1::ListQuarantinedDatabasesResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let after: Option<(String, DatabaseName)> = page::read(&mut fields, SCOPE, &asked.page_token);
        let limit = match asked.page_size {
            0 => PAGE,
            size => size,
        };
        if limit > MAX_PAGE {
            fields.violate("page_size", "must be at most 500");
        }
        fields.finish(Some(()), &context.id)?;
        let after = after.as_ref().map(|(server, name)| (server.as_str(), name));
        let rows = list_kept(&self.0.services, after, limit).await;
        let rows = rows.map_err(|error| refuse(&error, &context.id))?;
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= limit);
        let next = rows.last().filter(|_| is_full);
        Ok(Response::new(v1::ListQuarantinedDatabasesResponse {
            databases: rows.iter().map(message).collect(),
            next_page_token: next
                .map(|row| page::token(SCOPE, &(row.server.clone(), row.name.clone())))
                .unwrap_or_default(),
        }))
    }

    async fn restore_database(
        &self,
        request: Request<v1::RestoreDatabaseRequest>,
    ) -> Result<Response<v1::RestoreDatabaseResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        if asked.server.is_empty() || asked.server.len() > MAX_SERVER {
            fields.violate("server", "must be the name of a configured server");
        }
        let kept_as: Option<DatabaseName> = fields.name("kept_as", &asked.kept_as);
        let reason = fields.text("reason", &asked.reason, MIN_REASON, MAX_REASON);
        let (kept_as, reason) = fields.finish(kept_as.zip(reason), &context.id)?;
        let restoring =
            restore_database(&self.0.services, &asked.server, &kept_as, &reason, context.identity()?)
                .await
                .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::RestoreDatabaseResponse { database: Some(message(&restoring)) }))
    }
}

fn message(row: &OwnerRow) -> v1::QuarantinedDatabase {
    let kept = row.kept.as_ref();
    let name = |of: fn(&Kept) -> &DatabaseName| kept.map_or(&row.name, of).to_string();
    v1::QuarantinedDatabase {
        server: row.server.clone(),
        kept_as: name(|kept| &kept.kept_as),
        original_name: name(|kept| &kept.original_name),
        project: row.project.to_string(),
        environment: row.environment.to_string(),
        state: state(row.state).into(),
        keep_until: kept.map(|kept| stamp(kept.until)),
        created_by_request: row.request.to_string(),
    }
}

fn state(state: OwnedState) -> v1::QuarantineState {
    match state {
        OwnedState::Quarantined => v1::QuarantineState::Kept,
        OwnedState::Restoring => v1::QuarantineState::Restoring,
        OwnedState::Purging => v1::QuarantineState::Purging,
        OwnedState::Reserved | OwnedState::Active => v1::QuarantineState::Unspecified,
    }
}
