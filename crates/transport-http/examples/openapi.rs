//! Prints the OpenAPI document of the REST surface, as `cargo xtask gen` keeps it in `openapi/countersign.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(&countersign_transport_http::document())?;
    writeln!(std::io::stdout(), "{text}")
}
