//! `RunService`: what the platform that launches agents calls; staff may read.

mod watch;

use countersign_kernel::RunId;
use countersign_usecases::ServiceError;
use countersign_usecases::look::list_all_of_run;
use countersign_usecases::runs::{RunCommandError, finish_run, link_run, register_run, renew_run_token};
use tonic::{Request, Response, Status};

use crate::convert::fields::Fields;
use crate::convert::{run, stamp, words};
use crate::identity::Context;
use crate::pace::{Messages, Shared};
use crate::status::{CallId, refuse};
use crate::v1;
use crate::v1::run_service_server::RunService;

/// The service.
pub(crate) struct Runs(pub(crate) Shared);

fn run_id(text: &str, call: &CallId) -> Result<RunId, Status> {
    let mut fields = Fields::new();
    let id = fields.run("run_id", text);
    fields.finish(id, call)
}

#[tonic::async_trait]
impl RunService for Runs {
    async fn register_run(
        &self,
        request: Request<v1::RegisterRunRequest>,
    ) -> Result<Response<v1::RegisterRunResponse>, Status> {
        let context = Context::of(&request)?;
        let (facts, links) = run::read_register(request.get_ref(), &context.id)?;
        let registered = register_run(&self.0.services, facts, links, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::RegisterRunResponse {
            run: Some(run::run(&registered.run)),
            run_token: registered.token.token,
            token_expires_at: Some(stamp(registered.token.expires_at)),
            repeated: registered.repeated,
        }))
    }

    async fn link_run(
        &self,
        request: Request<v1::LinkRunRequest>,
    ) -> Result<Response<v1::LinkRunResponse>, Status> {
        let context = Context::of(&request)?;
        let (id, links) = run::read_link(request.get_ref(), &context.id)?;
        let linked = link_run(&self.0.services, &id, &links, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::LinkRunResponse { run: Some(run::run(&linked)) }))
    }

    async fn renew_run_token(
        &self,
        request: Request<v1::RenewRunTokenRequest>,
    ) -> Result<Response<v1::RenewRunTokenResponse>, Status> {
        let context = Context::of(&request)?;
        let id = run_id(&request.get_ref().run_id, &context.id)?;
        let renewed = renew_run_token(&self.0.services, &id).await;
        let token = renewed.map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::RenewRunTokenResponse {
            run_token: token.token,
            token_expires_at: Some(stamp(token.expires_at)),
        }))
    }

    async fn finish_run(
        &self,
        request: Request<v1::FinishRunRequest>,
    ) -> Result<Response<v1::FinishRunResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut fields = Fields::new();
        let id = fields.run("run_id", &asked.run_id);
        let rule = "must be FINISH_REASON_COMPLETED, FINISH_REASON_FAILED or FINISH_REASON_STOPPED";
        let reason = fields.chosen("reason", rule, words::read_finish_reason(asked.reason));
        let (id, reason) = fields.finish(id.zip(reason), &context.id)?;
        let finished = finish_run(&self.0.services, &id, reason, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(v1::FinishRunResponse { run: Some(run::run(&finished)) }))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let context = Context::of(&request)?;
        let id = run_id(&request.get_ref().run_id, &context.id)?;
        let unreadable = |error| refuse(&ServiceError::from(error), &context.id);
        let queries = self.0.services.queries();
        let found = queries.find_run(&id).await.map_err(unreadable)?;
        let found = found.ok_or_else(|| refuse(&RunCommandError::Unknown(id.clone()), &context.id))?;
        let requests = list_all_of_run(&self.0.services, &id).await.map_err(unreadable)?;
        let links = queries.list_links("run", &[id.to_string()], u32::MAX).await.map_err(unreadable)?;
        Ok(Response::new(run::detail(&found, &requests, links)))
    }

    type WatchRunsStream = Messages<v1::WatchRunsResponse>;

    async fn watch_runs(
        &self,
        request: Request<v1::WatchRunsRequest>,
    ) -> Result<Response<Self::WatchRunsStream>, Status> {
        let context = Context::of(&request)?;
        let mut fields = Fields::new();
        let project = fields.maybe_name("project", request.get_ref().project.as_deref());
        fields.finish(Some(()), &context.id)?;
        Ok(Response::new(watch::begin(&self.0, project, &context).await?))
    }
}
