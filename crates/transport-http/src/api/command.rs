//! A command on one request: what all of them have in common, so that a handler says only what is particular about its own.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use countersign_kernel::{Fault, Violations};
use countersign_usecases::decisions::{DecisionError, DecisionReply, Target};
use countersign_usecases::{Identity, Services};
use serde_json::Value;

use super::Api;
use super::approvals::{Tagged, refused};
use super::body::{Body, read};
use super::dto::decision::Committed;
use super::etag;
use super::gate::Staff;
use super::problem::{Answer, Problem};
use super::query::{Fields, Sent};

/// A command as it was sent. Nothing of its body has been looked at yet.
pub(super) struct Command {
    by: By,
    fields: Fields,
    target: Option<Target>,
    body: Value,
}

/// Somebody, and where they act.
struct By {
    api: Api,
    staff: Staff,
}

/// A command that is well-formed, to be carried out.
pub(super) struct Asked {
    by: By,
    /// The request it is about, at the version of `If-Match`.
    pub(super) target: Target,
}

impl FromRequest<Api> for Command {
    type Rejection = Box<Problem>;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let staff = Staff::from_request_parts(&mut parts, api).await?;
        let id = Path::<String>::from_request_parts(&mut parts, api).await;
        let Path(id) = id.map_err(|refused| Problem::of_status(refused.status(), parts.uri.path()))?;
        let mut fields = Fields::of(Sent::from_request_parts(&mut parts, api).await?, &[], &[]);
        let aim = fields.aim(&id, &parts.headers);
        let Body(body) = Body::from_request(Request::from_parts(parts, body), api).await?;
        let target = match aim {
            Some((id, precondition)) => Some(precondition.target(api, id).await?),
            None => None,
        };
        Ok(Self { by: By { api: api.clone(), staff }, fields, target, body })
    }
}

impl Command {
    /// Reads the body; all that is wrong anywhere is told at once.
    pub(super) fn read<T>(self, body: fn(&Value) -> Result<T, Violations>) -> Answer<(Asked, T)> {
        let (target, told) = self.fields.finish_with(self.target, read(body(&self.body)))?;
        Ok((Asked { by: self.by, target }, told))
    }
}

impl Asked {
    /// The surface.
    pub(super) fn api(&self) -> &Api {
        &self.by.api
    }

    /// The use cases.
    pub(super) fn services(&self) -> &Services {
        &self.api().services
    }

    /// Who, and what they may see and do.
    pub(super) fn staff(&self) -> &Staff {
        &self.by.staff
    }

    /// Who.
    pub(super) fn identity(&self) -> &Identity {
        self.by.staff.identity()
    }

    /// What came of a part of it, or the refusal of the whole with the request as it is.
    pub(super) async fn or_refuse<T>(&self, came: Result<T, impl Fault + Sync>) -> Answer<T> {
        match came {
            Ok(came) => Ok(came),
            Err(error) => Err(refused(self.api(), self.target.id, &error).await),
        }
    }

    /// What became of it, or its refusal with the request as it is.
    pub(super) async fn committed(
        &self,
        reply: Result<DecisionReply, DecisionError>,
    ) -> Answer<Tagged<Committed>> {
        let reply = self.or_refuse(reply).await?;
        Ok((etag::header_of(&reply.request), Json(Committed::of(&reply, &self.api().settings))))
    }
}
