//! The parties, as gRPC clients.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use countersign_transport_grpc::client::{Authorized, Bearer, to_struct};
use countersign_transport_grpc::v1::agent_service_client::AgentServiceClient;
use countersign_transport_grpc::v1::approval_service_client::ApprovalServiceClient;
use countersign_transport_grpc::v1::audit_service_client::AuditServiceClient;
use countersign_transport_grpc::v1::database_service_client::DatabaseServiceClient;
use countersign_transport_grpc::v1::run_service_client::RunServiceClient;
use countersign_transport_grpc::v1::{
    AcknowledgeOutcomeRequest, AnswerQuestionRequest, Approval, AwaitOutcomeRequest, CallReply, CallStatus,
    CallToolRequest, CancelRequestRequest, Decision, Event, FinishReason, FinishRunRequest,
    GetApprovalRequest, GetRunRequest, GetRunResponse, InputMode, LinkRunRequest, ListEventsRequest,
    ListOutcomesRequest, ListToolsRequest, RegisterRunRequest, RequestState, ResolveApprovalDecisionRequest,
    RestoreDatabaseRequest, RuntimeMode, answer_question_request,
};
use serde_json::Value;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::deployment::Deployment;

/// The platform and the approver of a deployment.
#[derive(Clone)]
pub struct Parties {
    deployment: Deployment,
    channel: Channel,
    runs: RunServiceClient<Authorized>,
    approvals: ApprovalServiceClient<Authorized>,
    audit: AuditServiceClient<Authorized>,
    databases: DatabaseServiceClient<Authorized>,
}

/// The agent of one run.
#[derive(Clone)]
pub struct Agent {
    /// The run.
    pub run_id: String,
    client: AgentServiceClient<Authorized>,
}

impl Parties {
    /// Connects to a server.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn connect(deployment: &Deployment) -> Result<Self> {
        let endpoint = Endpoint::from_shared(deployment.server.clone())?;
        let channel =
            endpoint.connect().await.with_context(|| format!("no server at {}", deployment.server))?;
        let platform = Bearer::new(&deployment.platform_token)?;
        let approver = Bearer::new(&deployment.approver_token)?;
        Ok(Self {
            deployment: deployment.clone(),
            runs: RunServiceClient::with_interceptor(channel.clone(), platform),
            approvals: ApprovalServiceClient::with_interceptor(channel.clone(), approver.clone()),
            audit: AuditServiceClient::with_interceptor(channel.clone(), approver.clone()),
            databases: DatabaseServiceClient::with_interceptor(channel.clone(), approver),
            channel,
        })
    }

    /// Registers a run and becomes its agent.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn agent(&self, run_id: &str, agent_key: &str, run_label: &str) -> Result<Agent> {
        Ok(self.agent_with_token(run_id, agent_key, run_label).await?.0)
    }

    /// Registers a run, becomes its agent, and tells its token.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn agent_with_token(
        &self,
        run_id: &str,
        agent_key: &str,
        run_label: &str,
    ) -> Result<(Agent, String)> {
        let deployment = &self.deployment;
        let request = RegisterRunRequest {
            run_id: run_id.to_owned(),
            agent_key: agent_key.to_owned(),
            run_label: run_label.to_owned(),
            runtime_mode: RuntimeMode::FullEnv.into(),
            project: deployment.project.clone(),
            repository: Some(deployment.repository.clone()),
            namespace: Some(deployment.namespace.clone()),
            launched_by: deployment.launched_by.clone(),
            time_budget_s: 3600,
            ..Default::default()
        };
        let token = self.runs.clone().register_run(request).await?.into_inner().run_token;
        Ok((self.agent_of(run_id, &token)?, token))
    }

    /// The agent of a run that is registered, speaking to this server.
    ///
    /// # Errors
    /// The token fits no header.
    pub fn agent_of(&self, run_id: &str, token: &str) -> Result<Agent> {
        let client = AgentServiceClient::with_interceptor(self.channel.clone(), Bearer::new(token)?);
        Ok(Agent { run_id: run_id.to_owned(), client })
    }

    /// Has a quarantined database restored.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn restore(&self, server: &str, kept_as: &str, reason: &str) -> Result<()> {
        let (server, kept_as, reason) = (server.to_owned(), kept_as.to_owned(), reason.to_owned());
        let request = RestoreDatabaseRequest { server, kept_as, reason };
        self.databases.clone().restore_database(request).await?;
        Ok(())
    }

    /// A request as an approver sees it.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn approval(&self, request_id: &str) -> Result<Approval> {
        let request = GetApprovalRequest { request_id: request_id.to_owned() };
        let answer = self.approvals.clone().get_approval(request).await?.into_inner();
        answer.approval.context("the server sent no approval")
    }

    /// Where a request stands.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn state(&self, request_id: &str) -> Result<RequestState> {
        let summary = self.approval(request_id).await?.summary.context("an approval has a summary")?;
        Ok(RequestState::try_from(summary.state)?)
    }

    /// The digest an approver is shown now.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn digest(&self, request_id: &str) -> Result<String> {
        let summary = self.approval(request_id).await?.summary.context("an approval has a summary")?;
        Ok(summary.plan_digest)
    }

    /// Decides on what is shown now.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn decide(&self, request_id: &str, decision: Decision, reason: &str) -> Result<()> {
        let seen_digest = self.digest(request_id).await?;
        self.decide_on(request_id, &seen_digest, decision, reason).await?;
        Ok(())
    }

    /// Decides on a given digest, and lets the server's status through.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn decide_on(
        &self,
        request_id: &str,
        seen_digest: &str,
        decision: Decision,
        reason: &str,
    ) -> Result<bool, Status> {
        let request = ResolveApprovalDecisionRequest {
            request_id: request_id.to_owned(),
            decision: decision.into(),
            reason: reason.to_owned(),
            seen_digest: seen_digest.to_owned(),
            input_mode: InputMode::Button.into(),
        };
        Ok(self.approvals.clone().resolve_approval_decision(request).await?.into_inner().repeated)
    }

    /// Answers a question by its first option.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn answer(&self, request_id: &str) -> Result<()> {
        let request = AnswerQuestionRequest {
            request_id: request_id.to_owned(),
            seen_digest: self.digest(request_id).await?,
            input_mode: InputMode::Button.into(),
            answer: Some(answer_question_request::Answer::OptionIndex(0)),
        };
        self.approvals.clone().answer_question(request).await?;
        Ok(())
    }

    /// Links a run to an issue and a pull request of its repository.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn link(&self, run_id: &str, issue: u64, pull_request: u64) -> Result<()> {
        let (issue, pull_request) = (Some(issue), Some(pull_request));
        let request = LinkRunRequest { run_id: run_id.to_owned(), issue, pull_request };
        self.runs.clone().link_run(request).await?;
        Ok(())
    }

    /// Ends a run.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn finish(&self, run_id: &str) -> Result<()> {
        let request = FinishRunRequest { run_id: run_id.to_owned(), reason: FinishReason::Completed.into() };
        self.runs.clone().finish_run(request).await?;
        Ok(())
    }

    /// A run with its requests.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn run(&self, run_id: &str) -> Result<GetRunResponse> {
        let request = GetRunRequest { run_id: run_id.to_owned() };
        Ok(self.runs.clone().get_run(request).await?.into_inner())
    }

    /// All events of a run, in order.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn events(&self, run_id: &str) -> Result<Vec<Event>> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListEventsRequest {
                run_id: Some(run_id.to_owned()),
                page_size: 500,
                page_token,
                ..Default::default()
            };
            let page = self.audit.clone().list_events(request).await?.into_inner();
            let last = page.events.is_empty() || page.next_page_token.is_empty();
            all.extend(page.events);
            if last {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}

impl Agent {
    /// Calls a tool, and lets the server's status through.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn call(&self, tool: &str, arguments: &Value) -> Result<CallReply, Status> {
        let request = CallToolRequest { tool: tool.to_owned(), arguments: Some(to_struct(arguments)) };
        let reply = self.client.clone().call_tool(request).await?.into_inner().reply;
        reply.ok_or_else(|| Status::internal("a call has a reply"))
    }

    /// Every action of every tool the run is offered.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn tools(&self) -> Result<BTreeSet<(String, String)>> {
        let answer = self.client.clone().list_tools(ListToolsRequest {}).await?.into_inner();
        let actions = answer.tools.into_iter().flat_map(|tool| {
            let name = tool.name;
            tool.actions.into_iter().map(move |action| (name.clone(), action.name))
        });
        Ok(actions.collect())
    }

    /// Withdraws a request.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn cancel(&self, request_id: &str, reason: &str) -> Result<()> {
        let request = CancelRequestRequest { request_id: request_id.to_owned(), reason: reason.to_owned() };
        self.client.clone().cancel_request(request).await?;
        Ok(())
    }

    /// Open requests and unacknowledged outcomes.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn outcomes(&self) -> Result<Vec<CallReply>> {
        Ok(self.client.clone().list_outcomes(ListOutcomesRequest {}).await?.into_inner().replies)
    }

    /// Says that an outcome was read.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn acknowledge(&self, request_id: &str) -> Result<()> {
        let request = AcknowledgeOutcomeRequest { request_id: request_id.to_owned() };
        self.client.clone().acknowledge_outcome(request).await?;
        Ok(())
    }

    /// Waits until a request is over.
    ///
    /// # Errors
    /// The server refuses, or the stream ends early.
    pub async fn outcome(&self, request_id: &str) -> Result<CallReply> {
        let request = AwaitOutcomeRequest { request_id: request_id.to_owned() };
        let mut stream = self.client.clone().await_outcome(request).await?.into_inner();
        let mut last = None;
        while let Some(message) = stream.message().await? {
            last = message.reply;
        }
        last.context("the stream ended without an outcome")
    }
}

/// The status of a reply by its name, without the prefix: `applied`, `denied`.
pub fn status_of(reply: &CallReply) -> String {
    let status = CallStatus::try_from(reply.status).unwrap_or(CallStatus::Unspecified);
    status.as_str_name().trim_start_matches("CALL_STATUS_").to_ascii_lowercase()
}
