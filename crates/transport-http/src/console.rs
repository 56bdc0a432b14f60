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
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use countersign_usecases::access::Operation as Is;

use crate::api::{Api, Guard};

pub(crate) use door::{account, choice, signed_out};
pub(crate) use frame::in_page;
pub(crate) use visitor::{Look, Visitor};

/// A page, or a command of one.
struct Route {
    method: &'static str,
    path: &'static str,
    /// What it stands for, whose gate it is behind.
    operation: Is,
    handler: MethodRouter<Api>,
}

fn shows<T: 'static>(path: &'static str, operation: Is, handler: impl Handler<T, Api>) -> Route {
    Route { method: "GET", path, operation, handler: get(handler) }
}

fn takes<T: 'static>(path: &'static str, operation: Is, handler: impl Handler<T, Api>) -> Route {
    Route { method: "POST", path, operation, handler: post(handler) }
}

/// Every page and command that somebody has to be let in to.
fn pages() -> [Route; 19] {
    [
        shows("/", Is::ListApprovals, inbox::show),
        shows("/requests", Is::ListApprovals, past::show),
        shows("/requests/{id}", Is::GetApproval, request::show),
        takes("/requests/{id}/decision", Is::DecideApproval, decide::decide),
        takes("/requests/{id}/answer", Is::AnswerQuestion, decide::answer),
        takes("/requests/{id}/decision/voice", Is::DictateReason, voice::reason),
        takes("/requests/{id}/answer/voice", Is::DictateAnswer, voice::answer),
        takes("/requests/{id}/cancel", Is::CancelApproval, decide::withdraw),
        takes("/requests/{id}/settle", Is::ResolveUnknown, decide::settle),
        shows("/batch", Is::DecideApprovals, batch::show),
        takes("/batch", Is::DecideApprovals, batch::decide),
        shows("/overview", Is::ListApprovals, overview::show),
        shows("/runs", Is::ListRuns, runs::list),
        shows("/runs/{id}", Is::GetRun, runs::show),
        shows("/trace", Is::ReadTrace, trace::show),
        shows("/audit", Is::ListEvents, audit::show),
        shows("/audit/export", Is::ListEvents, audit::export),
        shows("/audit/{id}", Is::ListEvents, audit::entry),
        shows("/policy", Is::GetPolicy, policy::show),
    ]
}

/// The method, path and operation of each of them, so that a test can hold its table of roles against them.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str, Is)> {
    pages().into_iter().map(|route| (route.method, route.path, route.operation))
}

/// The pages, each behind the gate of the operation it stands for; and what needs no gate, but no other site's forms either.
pub(crate) fn router(
    guard: Guard<'_>,
    of_our_site: &dyn Fn(MethodRouter<Api>) -> MethodRouter<Api>,
) -> Router<Api> {
    let guarded = pages()
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, guard(route.operation, route.handler)));
    guarded
        .route("/settings", of_our_site(post(settings::change)))
        .route(assets::STYLE, get(assets::style))
        .route(assets::SCRIPT, get(assets::script))
        .route(assets::ICON, get(assets::icon))
}
