//! The console: pages for people, rendered here. They work without a script; a small one of ours keeps them up to date.
//!
//! Each page stands for an operation of the REST surface and passes the same gate; what it shows comes from the same use cases. Nothing
//! that an agent or a person wrote becomes markup: maud escapes it, and [`countersign_kernel::visible`] shows what would hide.

mod assets;
mod audit;
mod batch;
mod decide;
mod door;
mod form;
mod frame;
mod inbox;
mod latest;
mod layout;
mod overview;
mod parts;
mod past;
mod policy;
mod request;
mod runs;
mod settings;
mod trace;
mod visitor;
mod voice;
mod words;

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use countersign_usecases::access::Operation as Is;

use crate::api::{Api, Guard};

pub(crate) use door::{account, choice, signed_out};
pub(crate) use frame::in_page;
pub(crate) use visitor::{Look, Visitor};

/// The pages, each behind the gate of the operation it stands for.
pub(crate) fn router(guard: Guard<'_>) -> Router<Api> {
    let pages: [(&str, Is, MethodRouter<Api>); 18] = [
        ("/", Is::ListApprovals, get(inbox::show)),
        ("/requests", Is::ListApprovals, get(past::show)),
        ("/requests/{id}", Is::GetApproval, get(request::show)),
        ("/requests/{id}/decision", Is::DecideApproval, post(decide::decide)),
        ("/requests/{id}/answer", Is::AnswerQuestion, post(decide::answer)),
        ("/requests/{id}/decision/voice", Is::DictateReason, post(voice::reason)),
        ("/requests/{id}/answer/voice", Is::DictateAnswer, post(voice::answer)),
        ("/requests/{id}/cancel", Is::CancelApproval, post(decide::withdraw)),
        ("/requests/{id}/settle", Is::ResolveUnknown, post(decide::settle)),
        ("/batch", Is::DecideApprovals, post(batch::decide).get(batch::show)),
        ("/overview", Is::ListApprovals, get(overview::show)),
        ("/runs", Is::ListRuns, get(runs::list)),
        ("/runs/{id}", Is::GetRun, get(runs::show)),
        ("/trace", Is::ReadTrace, get(trace::show)),
        ("/audit", Is::ListEvents, get(audit::show)),
        ("/audit/export", Is::ListEvents, get(audit::export)),
        ("/audit/{id}", Is::ListEvents, get(audit::entry)),
        ("/policy", Is::GetPolicy, get(policy::show)),
    ];
    let guarded = pages
        .into_iter()
        .fold(Router::new(), |router, (path, operation, route)| router.route(path, guard(operation, route)));
    guarded
        .route("/settings", post(settings::change))
        .route(assets::STYLE, get(assets::style))
        .route(assets::SCRIPT, get(assets::script))
        .route(assets::ICON, get(assets::icon))
}
