//! `PolicyService`: explain the matrix, activate a text.

use countersign_usecases::policy_text::{activate_policy, explain_policy};
use tonic::{Request, Response, Status};

use crate::convert::fields::Fields;
use crate::convert::policy::{explanation, place, read_cell};
use crate::identity::Context;
use crate::pace::Shared;
use crate::status::refuse;
use crate::v1;
use crate::v1::policy_service_server::PolicyService;

/// The largest policy text, in bytes.
const MAX_TEXT: usize = 512 * 1024;

/// The service.
pub(crate) struct Policies(pub(crate) Shared);

#[tonic::async_trait]
impl PolicyService for Policies {
    async fn explain_policy(
        &self,
        request: Request<v1::ExplainPolicyRequest>,
    ) -> Result<Response<v1::ExplainPolicyResponse>, Status> {
        let context = Context::of(&request)?;
        let cell = read_cell(request.get_ref(), &context.id)?;
        let explained = explain_policy(&self.0.services, &cell).await;
        let explained = explained.map_err(|error| refuse(&error, &context.id))?;
        Ok(Response::new(explanation(&explained)))
    }

    async fn activate_policy(
        &self,
        request: Request<v1::ActivatePolicyRequest>,
    ) -> Result<Response<v1::ActivatePolicyResponse>, Status> {
        let context = Context::of(&request)?;
        let text = &request.get_ref().text;
        let mut fields = Fields::new();
        if text.len() > MAX_TEXT {
            fields.violate("text", "must have at most 524288 bytes");
        }
        fields.finish(Some(()), &context.id)?;
        let activated = activate_policy(&self.0.services, text, context.identity()?)
            .await
            .map_err(|error| refuse(&error, &context.id))?;
        let warnings = activated.warnings.into_iter().map(|notice| v1::PolicyNotice {
            line: place(notice.line),
            column: place(notice.column),
            message: notice.message,
        });
        Ok(Response::new(v1::ActivatePolicyResponse {
            number: activated.number,
            digest: activated.digest.to_string(),
            warnings: warnings.collect(),
            repeated: activated.repeated,
        }))
    }
}
