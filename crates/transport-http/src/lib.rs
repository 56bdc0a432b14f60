//! HTTP: health, readiness and metrics (staff REST and the console come with their own issue).
