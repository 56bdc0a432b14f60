-- What is repeated, and the batch it is repeated for.
CREATE TEMP TABLE kinds (
    kind integer PRIMARY KEY, open boolean, low integer, high integer, run_id text, request_id text, correlation_id text,
    intent_digest text, plan_digest text, thing text, at timestamptz
);
CREATE TEMP TABLE prototypes (kind integer, name text, place bigint, event_id text, row text);
CREATE TEMP TABLE batch_runs (
    n bigint, kind integer, at timestamptz, run_id text, project text, agent text, environment text, issue text, pr text
);
CREATE TEMP TABLE batch (
    n bigint, kind integer, at timestamptz, run_id text, project text, agent text, environment text, issue text, pr text,
    request_id text, correlation_id text, intent_digest text, plan_digest text, thing text, why text
);
