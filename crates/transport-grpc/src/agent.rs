//! `AgentService`: what agents call. The run is the token's.

mod await_outcome;

use countersign_kernel::{RequestId, RunId};
use countersign_usecases::call_tool::{CallReply, call_tool};
use countersign_usecases::decisions::{CancelBy, cancel_request};
use countersign_usecases::outcomes::{acknowledge_outcome, get_outcome, list_outcomes};
use countersign_usecases::{ServiceError, runs};
use tonic::{Request, Response, Status};

use crate::convert::fields::Fields;
use crate::convert::{json, reply, stamp};
use crate::gate::of_run;
use crate::identity::Context;
use crate::pace::{Messages, Shared};
use crate::status::{CallId, InvalidRequest, refuse};
use crate::v1;
use crate::v1::agent_service_server::AgentService;

/// The service.
pub(crate) struct Agent(pub(crate) Shared);

/// A reply as a message.
fn message(answer: &CallReply, call: &CallId) -> Result<Option<v1::CallReply>, Status> {
    let message = reply::reply(answer);
    message.map(Some).map_err(|error| refuse(&ServiceError::from(error), call))
}

fn request_id(text: &str, call: &CallId) -> Result<RequestId, Status> {
    let mut fields = Fields::new();
    let id = fields.request("request_id", text);
    fields.finish(id, call)
}

impl Agent {
    async fn outcome(
        &self,
        run: &RunId,
        id: RequestId,
        call: &CallId,
    ) -> Result<Option<v1::CallReply>, Status> {
        let answer = get_outcome(&self.0.services, run, id).await.map_err(|error| of_run(&error, call))?;
        message(&answer, call)
    }
}

#[tonic::async_trait]
impl AgentService for Agent {
    async fn list_tools(
        &self,
        _: Request<v1::ListToolsRequest>,
    ) -> Result<Response<v1::ListToolsResponse>, Status> {
        let tools = self.0.services.tools().iter().map(|tool| {
            let described = tool.descriptor();
            let actions = described.actions.iter().map(|action| v1::ToolAction {
                name: action.name.to_string(),
                writes: action.writes,
                question: action.question,
            });
            v1::Tool {
                name: described.name.to_string(),
                aliases: described.aliases.iter().map(ToString::to_string).collect(),
                summary: described.summary.clone(),
                schema_version: described.schema_version,
                input_schema: Some(json::document(&described.input_schema)),
                actions: actions.collect(),
            }
        });
        Ok(Response::new(v1::ListToolsResponse { tools: tools.collect() }))
    }

    async fn call_tool(
        &self,
        request: Request<v1::CallToolRequest>,
    ) -> Result<Response<v1::CallToolResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.into_inner();
        let arguments = json::arguments(asked.arguments)
            .map_err(|violations| refuse(&InvalidRequest(violations), &context.id))?;
        let answer = call_tool(&self.0.services, context.run()?, &asked.tool, &arguments)
            .await
            .map_err(|error| of_run(&error, &context.id))?;
        Ok(Response::new(v1::CallToolResponse { reply: message(&answer, &context.id)? }))
    }

    async fn get_outcome(
        &self,
        request: Request<v1::GetOutcomeRequest>,
    ) -> Result<Response<v1::GetOutcomeResponse>, Status> {
        let context = Context::of(&request)?;
        let id = request_id(&request.get_ref().request_id, &context.id)?;
        let reply = self.outcome(context.run()?, id, &context.id).await?;
        Ok(Response::new(v1::GetOutcomeResponse { reply }))
    }

    type AwaitOutcomeStream = Messages<v1::AwaitOutcomeResponse>;

    async fn await_outcome(
        &self,
        request: Request<v1::AwaitOutcomeRequest>,
    ) -> Result<Response<Self::AwaitOutcomeStream>, Status> {
        let context = Context::of(&request)?;
        let id = request_id(&request.get_ref().request_id, &context.id)?;
        let stream = await_outcome::begin(&self.0, &context, id).await?;
        Ok(Response::new(stream))
    }

    async fn list_outcomes(
        &self,
        request: Request<v1::ListOutcomesRequest>,
    ) -> Result<Response<v1::ListOutcomesResponse>, Status> {
        let context = Context::of(&request)?;
        let found = list_outcomes(&self.0.services, context.run()?).await;
        let found = found.map_err(|error| of_run(&error, &context.id))?;
        let mut replies = Vec::with_capacity(found.len());
        for answer in &found {
            replies.extend(message(answer, &context.id)?);
        }
        Ok(Response::new(v1::ListOutcomesResponse { replies }))
    }

    async fn acknowledge_outcome(
        &self,
        request: Request<v1::AcknowledgeOutcomeRequest>,
    ) -> Result<Response<v1::AcknowledgeOutcomeResponse>, Status> {
        let context = Context::of(&request)?;
        let id = request_id(&request.get_ref().request_id, &context.id)?;
        let outcome = acknowledge_outcome(&self.0.services, context.run()?, id).await;
        let outcome = outcome.map_err(|error| of_run(&error, &context.id))?;
        let acknowledged_at = outcome.acknowledged_at.map(stamp);
        Ok(Response::new(v1::AcknowledgeOutcomeResponse { acknowledged_at }))
    }

    async fn cancel_request(
        &self,
        request: Request<v1::CancelRequestRequest>,
    ) -> Result<Response<v1::CancelRequestResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.request("request_id", &asked.request_id);
        let reason = fields.reason(&asked.reason);
        let id = fields.finish(id, &context.id)?;
        let run = context.run()?;
        let by = CancelBy::Agent(run.clone());
        cancel_request(&self.0.services, id, reason, &by)
            .await
            .map_err(|error| of_run(&error, &context.id))?;
        let reply = self.outcome(run, id, &context.id).await?;
        Ok(Response::new(v1::CancelRequestResponse { reply }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let context = Context::of(&request)?;
        let noted = runs::heartbeat(&self.0.services, context.run()?).await;
        noted.map_err(|error| of_run(&error, &context.id))?;
        Ok(Response::new(v1::HeartbeatResponse {}))
    }
}
