//! The client of gRPC: databases in quarantine and policy texts.

use anyhow::{Context, Result};
use countersign_transport_grpc::client::{self, Authorized, Bearer};
use countersign_transport_grpc::v1::database_service_client::DatabaseServiceClient;
use countersign_transport_grpc::v1::policy_service_client::PolicyServiceClient;
use countersign_transport_grpc::v1::{
    ActivatePolicyRequest, ListQuarantinedDatabasesRequest, QuarantinedDatabase, RestoreDatabaseRequest,
};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::token_of;
use crate::cli::GrpcArgs;

/// Connects to a server.
///
/// # Errors
/// The address is malformed or nobody listens there.
pub(crate) async fn connect(server: &str) -> Result<Channel> {
    let endpoint =
        Endpoint::from_shared(server.to_owned()).with_context(|| format!("`{server}` is not an address"))?;
    endpoint.connect().await.with_context(|| format!("cannot reach the server at `{server}`"))
}

/// An operator at the command line.
pub(crate) struct Operator {
    policy: PolicyServiceClient<Authorized>,
    databases: DatabaseServiceClient<Authorized>,
}

impl Operator {
    /// Connects with the token of a file or of the variable COUNTERSIGN_TOKEN.
    pub(crate) async fn connect(args: &GrpcArgs) -> Result<Self> {
        let bearer = Bearer::new(&token_of(args.token_file.as_deref())?)?;
        let channel = connect(&args.server).await?;
        Ok(Self {
            policy: PolicyServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            databases: DatabaseServiceClient::with_interceptor(channel, bearer),
        })
    }

    /// The databases in quarantine, all pages of them.
    pub(crate) async fn quarantined(&mut self) -> Result<Vec<QuarantinedDatabase>> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListQuarantinedDatabasesRequest { page_token, ..Default::default() };
            let page =
                self.databases.list_quarantined_databases(request).await.map_err(explained)?.into_inner();
            all.extend(page.databases);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    /// Has a quarantined database restored.
    pub(crate) async fn restore(
        &mut self,
        server: &str,
        kept_as: &str,
        reason: &str,
    ) -> Result<QuarantinedDatabase> {
        let request = RestoreDatabaseRequest {
            server: server.to_owned(),
            kept_as: kept_as.to_owned(),
            reason: reason.to_owned(),
        };
        let answer = self.databases.restore_database(request).await.map_err(explained)?.into_inner();
        answer.database.context("the server sent no database")
    }

    /// Makes a policy text the active one; says which number and digest it got.
    pub(crate) async fn activate_policy(&mut self, text: String) -> Result<String> {
        let request = ActivatePolicyRequest { text };
        let answer = self.policy.activate_policy(request).await.map_err(explained)?.into_inner();
        Ok(format!("policy number {} is active, {}", answer.number, answer.digest))
    }
}

/// A refusal as an error of the command line.
pub(crate) fn explained(status: Status) -> anyhow::Error {
    anyhow::anyhow!("{}", client::explained(&status))
}
