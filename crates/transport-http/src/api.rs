//! The staff REST surface under `/api/v1`.

mod approvals;
mod batch;
pub(crate) mod bodies;
mod body;
mod command;
mod dto;
mod etag;
mod events;
mod gate;
mod limiter;
mod openapi;
mod page;
mod policy;
mod problem;
mod pulse;
mod query;
mod questions;
mod runs;
mod stream;
mod trace;
mod turns;
pub(crate) mod voice;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get};
use countersign_kernel::Timestamp;
use countersign_usecases::Services;
use countersign_usecases::access::{Callers, Operation, Seats};
use countersign_usecases::port::{Entropy, Statistics, Stopwatch, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::console;
use crate::settings::HttpSettings;
use crate::sign_in::{self, Browsers};
use limiter::Limiter;
use pulse::Pulse;
use turns::Turns;

pub(crate) use approvals::unreadable;
pub(crate) use events::event_filter;
pub(crate) use gate::{RequestName, Staff, count, most_bytes};
pub use openapi::document;
pub(crate) use problem::{Answer, Problem};
pub(crate) use query::{Fields, Sent};
pub(crate) use stream::place_now as stream_place;
pub(crate) use trace::{KINDS as TRACE_KINDS, begin as trace_from};

/// What the surface works with.
pub struct ApiDeps {
    /// The use cases.
    pub services: Arc<Services>,
    /// Knows callers by their tokens.
    pub callers: Callers,
    /// Changes with every commit of this process, so that streams hear of it at once.
    pub wake: watch::Receiver<u64>,
    /// Knows people by their browsers.
    pub browsers: Browsers,
    /// Names requests whose callers didn't.
    pub entropy: Arc<dyn Entropy>,
    /// Elapsed time, for counting how often somebody asks.
    pub stopwatch: Arc<dyn Stopwatch>,
    /// Limits and times.
    pub settings: HttpSettings,
}

/// The same as handlers see it.
#[derive(Clone)]
pub(crate) struct Api {
    services: Arc<Services>,
    callers: Callers,
    browsers: Browsers,
    entropy: Arc<dyn Entropy>,
    stopwatch: Arc<dyn Stopwatch>,
    settings: Arc<HttpSettings>,
    limiter: Arc<Limiter>,
    seats: Seats,
    pulse: Pulse,
    /// How deciding went since a day: counting costs much, and every overview counts again at each event.
    statistics: Arc<Turns<Timestamp, Statistics>>,
    /// Whether the server is about to stop.
    stopping: watch::Receiver<bool>,
}

impl Api {
    /// The use cases.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// Limits and times.
    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// How deciding went since then, counted once for all who ask at this moment.
    pub(crate) async fn statistics(&self, since: Timestamp) -> Result<Statistics, StoreError> {
        self.statistics.take(since, self.services.queries().statistics(since)).await
    }

    /// Who holds how many answers that go on and on.
    pub(crate) fn seats(&self) -> &Seats {
        &self.seats
    }

    /// Waits until an answer that goes on and on has to end: its time is up, so that its caller proves again who they are, or the server stops.
    pub(crate) fn stream_is_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut stopping, until) = (self.stopping.clone(), Instant::now() + self.settings.stream_duration);
        async move {
            let stopped = async {
                if stopping.wait_for(|stopping| *stopping).await.is_err() {
                    // Nobody will say so any more.
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = stopped => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// People with browsers.
    pub(crate) fn browsers(&self) -> &Browsers {
        &self.browsers
    }
}

/// Marks an answer that has its form already: a page, which stays one when its status is that of an error.
#[derive(Clone, Copy)]
pub(crate) struct AsItIs;

/// Puts the gate of an operation before its route.
pub(crate) type Guard<'g> = &'g dyn Fn(Operation, MethodRouter<Api>) -> MethodRouter<Api>;

/// Where the surface stands.
const BASE: &str = "/api/v1";

/// The routes, the document and its page; and those `beside` the surface, which pass no gate and are no pages, but have requests' names and
/// refusals in their form like all others.
pub(crate) fn router(deps: ApiDeps, beside: Router<Api>, stopping: watch::Receiver<bool>) -> Router {
    let api = Api {
        seats: Seats::default(),
        pulse: Pulse::new(Arc::clone(&deps.services), deps.wake, deps.settings.poll_interval),
        statistics: Arc::default(),
        stopping,
        services: deps.services,
        callers: deps.callers,
        browsers: deps.browsers,
        entropy: deps.entropy,
        stopwatch: deps.stopwatch,
        limiter: Arc::new(Limiter::new(deps.settings.requests_per_minute)),
        settings: Arc::new(deps.settings),
    };
    let gate = |operation, form, route: MethodRouter<Api>| {
        route.route_layer(from_fn_with_state((api.clone(), operation, form), gate::admit))
    };
    let guard = |operation, route| gate(operation, Some(gate::form_of(operation)), route);
    let of_page = |operation, route| gate(operation, None, route);
    let of_our_site =
        |route: MethodRouter<Api>| route.route_layer(from_fn_with_state(api.clone(), gate::of_our_site));
    let (routes, _) = OpenApiRouter::new().nest(BASE, operations(&guard)).split_for_parts();
    routes
        .route("/api/v1/openapi.json", get(page::document))
        .route("/api/v1/docs", get(page::show))
        .route("/api/v1/docs.css", get(page::style))
        .merge(console::router(&of_page, &of_our_site))
        .merge(sign_in::router(&of_page))
        .fallback(nothing_there)
        .layer(CatchPanicLayer::custom(gate::panicked))
        .layer(from_fn(gate::refuse_credentials_in_urls))
        .layer(from_fn_with_state(api.clone(), console::in_page))
        .merge(beside)
        .layer(from_fn_with_state(api.clone(), gate::name))
        .layer(CompressionLayer::new())
        .with_state(api)
}

/// Every route with the operation it stands for: there is no way to add one without.
fn operations(guard: Guard<'_>) -> OpenApiRouter<Api> {
    use Operation as Is;
    let for_ = |operation: Operation, routes: UtoipaMethodRouter<Api>| {
        let (schemas, mut paths, route) = routes.map(|route| guard(operation, route));
        openapi::name_roles(&mut paths, operation);
        (schemas, paths, route)
    };
    OpenApiRouter::new()
        .routes(for_(Is::ListApprovals, routes!(approvals::list_approvals)))
        .routes(for_(Is::GetApproval, routes!(approvals::get_approval)))
        .routes(for_(Is::DecideApproval, routes!(approvals::decide_approval)))
        .routes(for_(Is::CancelApproval, routes!(approvals::cancel_approval)))
        .routes(for_(Is::ResolveUnknown, routes!(approvals::resolve_unknown)))
        .routes(for_(Is::DecideApprovals, routes!(batch::decide_approvals)))
        .routes(for_(Is::AnswerQuestion, routes!(questions::answer_question)))
        .routes(for_(Is::DictateReason, routes!(voice::dictate_reason)))
        .routes(for_(Is::DictateAnswer, routes!(voice::dictate_answer)))
        .routes(for_(Is::ListRuns, routes!(runs::list_runs)))
        .routes(for_(Is::GetRun, routes!(runs::get_run)))
        .routes(for_(Is::ReadRunTimeline, routes!(runs::read_run_timeline)))
        .routes(for_(Is::ReadTrace, routes!(trace::read_trace)))
        .routes(for_(Is::ListEvents, routes!(events::list_events)))
        .routes(for_(Is::FollowChanges, routes!(stream::follow_changes)))
        .routes(for_(Is::GetPolicy, routes!(policy::get_policy)))
        .routes(for_(Is::ExplainPolicy, routes!(policy::explain_policy)))
}

async fn nothing_there(uri: Uri) -> Box<Problem> {
    Problem::of_status(StatusCode::NOT_FOUND, uri.path())
}
