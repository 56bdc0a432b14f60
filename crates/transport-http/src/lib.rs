//! HTTP: the console, the staff REST surface with its OpenAPI document, signing in with a browser, and health, readiness and metrics.
//!
//! It turns requests into the words of the domain and back, proves who calls, and asks the use cases. All that is wrong with a request is
//! answered at once, as a problem (RFC 9457) with a stable code.
//!
//! **Architecture invariant:** nothing is decided here, and no request names its caller; who may ask for what is asked of
//! [`countersign_usecases::access`]. Nothing here knows an adapter, and there is no clock and no randomness of its own: time comes with
//! what the use cases load, elapsed time and randomness with [`ApiDeps`].
//!
//! Deliberately absent: TLS (ended in front of the server).

mod api;
mod console;
mod cookie;
mod multipart;
mod operations;
mod percent;
mod public_url;
mod security_headers;
mod settings;
mod sign_in;

use axum::Router;
use axum::middleware::map_response;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use api::{ApiDeps, document};
#[doc(hidden)]
pub use console::routes as console_routes;
pub use operations::{Metrics, Operations, Readiness, ReadinessCheck};
pub use public_url::{PublicUrl, PublicUrlError};
pub use settings::HttpSettings;
pub use sign_in::{Browsers, CALLBACK};

/// Everything the server has to say over HTTP: `/healthz`, `/readyz`, `/metrics`, `/api/v1`, `/sign-in`, `/sign-out` and the pages of the
/// console. Streams then end by their age and with their connections only; [`serve`] ends them itself.
pub fn router(operations: Operations, api: ApiDeps) -> Router {
    let (_, never) = watch::channel(false);
    assemble(operations, api, never)
}

fn assemble(operations: Operations, api: ApiDeps, stopping: watch::Receiver<bool>) -> Router {
    api::router(api, operations::router(operations), stopping).layer(map_response(security_headers::add))
}

/// Serves the routes until `stop` is done, then ends streams, and what is in hand once it is answered.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    operations: Operations,
    api: ApiDeps,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let stop = async move {
        stop.await;
        stopping.send_replace(true);
    };
    axum::serve(listener, assemble(operations, api, stopped)).with_graceful_shutdown(stop).await
}
