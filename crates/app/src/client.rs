//! The command line as a client of a server, over gRPC.

use anyhow::{Context, Result, bail};
use countersign_transport_grpc::client::{self, Authorized, Bearer};
use countersign_transport_grpc::v1::approval_service_client::ApprovalServiceClient;
use countersign_transport_grpc::v1::database_service_client::DatabaseServiceClient;
use countersign_transport_grpc::v1::policy_service_client::PolicyServiceClient;
use countersign_transport_grpc::v1::{
    ActivatePolicyRequest, AnswerQuestionRequest, Approval, ApprovalSummary, Decision, GetApprovalRequest,
    InputMode, ListPendingApprovalsRequest, ListQuarantinedDatabasesRequest, QuarantinedDatabase,
    ResolveApprovalDecisionRequest, ResolveUnknownRequest, RestoreDatabaseRequest, UnknownVerdict,
    answer_question_request,
};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::cli::ServerArgs;

/// Connects to a server.
///
/// # Errors
/// The address is malformed or nobody listens there.
pub(crate) async fn connect(server: &str) -> Result<Channel> {
    let endpoint =
        Endpoint::from_shared(server.to_owned()).with_context(|| format!("`{server}` is not an address"))?;
    endpoint.connect().await.with_context(|| format!("cannot reach the server at `{server}`"))
}

/// A staff member at the command line.
pub(crate) struct Staff {
    approvals: ApprovalServiceClient<Authorized>,
    policy: PolicyServiceClient<Authorized>,
    databases: DatabaseServiceClient<Authorized>,
}

impl Staff {
    /// Connects with the token of a file or of the variable COUNTERSIGN_TOKEN.
    pub(crate) async fn connect(args: &ServerArgs) -> Result<Self> {
        let token = match &args.token_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the token file `{}`", path.display()))?,
            None => {
                #[expect(clippy::disallowed_methods, reason = "app reads the environment")]
                let token = std::env::var("COUNTERSIGN_TOKEN");
                token.context("name a token with --token-file FILE or the variable COUNTERSIGN_TOKEN")?
            }
        };
        Ok(Self::on(connect(&args.server).await?, Bearer::new(token.trim())?))
    }

    /// Speaks over a channel that is there.
    pub(crate) fn on(channel: Channel, bearer: Bearer) -> Self {
        Self {
            approvals: ApprovalServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            policy: PolicyServiceClient::with_interceptor(channel.clone(), bearer.clone()),
            databases: DatabaseServiceClient::with_interceptor(channel, bearer),
        }
    }

    /// What waits for a decision, all pages of it.
    pub(crate) async fn pending(&mut self, project: Option<String>) -> Result<Vec<ApprovalSummary>> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request =
                ListPendingApprovalsRequest { project: project.clone(), page_token, ..Default::default() };
            let page = self.approvals.list_pending_approvals(request).await.map_err(explained)?.into_inner();
            all.extend(page.approvals);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    /// Exactly what would be done.
    pub(crate) async fn approval(&mut self, request_id: &str) -> Result<Approval> {
        let request = GetApprovalRequest { request_id: request_id.to_owned() };
        let answer = self.approvals.get_approval(request).await.map_err(explained)?.into_inner();
        answer.approval.context("the server sent no approval")
    }

    /// Approves or denies the plan of this digest.
    pub(crate) async fn decide(
        &mut self,
        request_id: &str,
        decision: Decision,
        seen_digest: &str,
        reason: &str,
    ) -> Result<ApprovalSummary> {
        let request = ResolveApprovalDecisionRequest {
            request_id: request_id.to_owned(),
            decision: decision.into(),
            reason: reason.to_owned(),
            seen_digest: seen_digest.to_owned(),
            input_mode: InputMode::Button.into(),
        };
        let answer = self.approvals.resolve_approval_decision(request).await.map_err(explained)?.into_inner();
        answer.approval.context("the server sent no approval")
    }

    /// Answers a question by an option's place or in own words.
    pub(crate) async fn answer(
        &mut self,
        request_id: &str,
        seen_digest: &str,
        option: Option<u32>,
        text: Option<String>,
    ) -> Result<ApprovalSummary> {
        use answer_question_request::Answer;
        let (answer, input_mode) = match (option, text) {
            (Some(index), None) => (Answer::OptionIndex(index), InputMode::Button),
            (None, Some(words)) => (Answer::CustomText(words), InputMode::Text),
            (Some(_), Some(_)) | (None, None) => bail!("answer with either --option or --text"),
        };
        let request = AnswerQuestionRequest {
            request_id: request_id.to_owned(),
            seen_digest: seen_digest.to_owned(),
            input_mode: input_mode.into(),
            answer: Some(answer),
        };
        let answer = self.approvals.answer_question(request).await.map_err(explained)?.into_inner();
        answer.approval.context("the server sent no approval")
    }

    /// Settles a request whose effect could not be known.
    pub(crate) async fn resolve_unknown(
        &mut self,
        request_id: &str,
        verdict: UnknownVerdict,
        reason: &str,
    ) -> Result<ApprovalSummary> {
        let request = ResolveUnknownRequest {
            request_id: request_id.to_owned(),
            verdict: verdict.into(),
            reason: reason.to_owned(),
        };
        let answer = self.approvals.resolve_unknown(request).await.map_err(explained)?.into_inner();
        answer.approval.context("the server sent no approval")
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
