//! HTTP: the staff REST surface with its OpenAPI document, signing in with a browser, and health, readiness and metrics.
//!
//! It turns requests into the words of the domain and back, proves who calls, and asks the use cases. All that is wrong with a request is
//! answered at once, as a problem (RFC 9457) with a stable code.
//!
//! **Architecture invariant:** nothing is decided here, and no request names its caller; who may ask for what is asked of
//! [`countersign_usecases::access`]. Nothing here knows an adapter, and there is no clock and no randomness of its own: time comes with
//! what the use cases load, elapsed time and randomness with [`ApiDeps`].
//!
//! Deliberately absent: TLS (ended in front of the server), the console and the live stream.

mod api;
mod operations;
mod public_url;
mod security_headers;
mod settings;
mod sign_in;

use axum::Router;
use axum::middleware::map_response;
use tokio::net::TcpListener;

pub use api::{ApiDeps, document};
pub use operations::{Metrics, Operations, Readiness, ReadinessCheck};
pub use public_url::{PublicUrl, PublicUrlError};
pub use settings::HttpSettings;
pub use sign_in::{Browsers, CALLBACK};

/// Everything the server has to say over HTTP: `/healthz`, `/readyz`, `/metrics`, `/api/v1`, `/sign-in` and `/sign-out`.
pub fn router(operations: Operations, api: ApiDeps) -> Router {
    operations::router(operations).merge(api::router(api)).layer(map_response(security_headers::add))
}

/// Serves the routes until `stop` is done, then ends what is in hand.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    operations: Operations,
    api: ApiDeps,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(operations, api)).with_graceful_shutdown(stop).await
}
