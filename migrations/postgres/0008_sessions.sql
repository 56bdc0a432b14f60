-- People sign in with a browser. Neither table is part of the domain: rows are erased when their end has come.

CREATE TABLE staff_sessions (
    session_id text COLLATE "C" PRIMARY KEY,
    secret_hash text COLLATE "C" NOT NULL UNIQUE,
    previous_hash text COLLATE "C" UNIQUE,
    previous_good_until timestamptz,
    csrf_token text NOT NULL,
    principal text NOT NULL,
    proof text NOT NULL CHECK (proof IN ('oidc', 'development')),
    display_name text NOT NULL,
    roles jsonb NOT NULL,
    groups jsonb NOT NULL,
    signed_in_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    version bigint NOT NULL CHECK (version >= 1),
    CHECK (previous_good_until IS NULL OR previous_hash IS NOT NULL)
);
COMMENT ON TABLE staff_sessions IS 'Sessions of people who have signed in.';
COMMENT ON COLUMN staff_sessions.secret_hash IS 'SHA-256 of the secret in the cookie. The secret itself is nowhere.';
COMMENT ON COLUMN staff_sessions.previous_good_until IS 'Until when the secret before is good; empty as long as the new one was not used.';
COMMENT ON COLUMN staff_sessions.csrf_token IS 'What forms of our own pages repeat. Worth nothing without the cookie.';
COMMENT ON COLUMN staff_sessions.groups IS 'Groups outside of Countersign, as proved at the sign-in.';
CREATE INDEX staff_sessions_by_principal ON staff_sessions (principal) WHERE revoked_at IS NULL;
CREATE INDEX staff_sessions_by_end ON staff_sessions (ends_at);

CREATE TABLE sign_in_attempts (
    state_hash text COLLATE "C" PRIMARY KEY,
    browser_hash text COLLATE "C" NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    return_to text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE sign_in_attempts IS 'Sign-ins under way; each is taken out by the first answer.';
COMMENT ON COLUMN sign_in_attempts.verifier IS 'PKCE code verifier (RFC 7636).';
CREATE INDEX sign_in_attempts_by_end ON sign_in_attempts (expires_at);

-- Whoever proves an outside group at a sign-in may be one of those who decide.
ALTER TABLE approval_votes ADD COLUMN by_group text;
COMMENT ON COLUMN approval_votes.by_group IS 'The outside group by which the voter was one of those who decide; empty for one whom the policy text names.';

-- The function is that of migration 5 with one more grant in it.
CREATE OR REPLACE FUNCTION countersign_grant() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place text := current_schema();
    granted record;
BEGIN
    FOR granted IN
        SELECT role, statement FROM (VALUES
            ('countersign_app', 'GRANT SELECT, INSERT ON flow_events, audit_inbox, links, call_keys, policy_versions, principals, commits TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, UPDATE ON agent_sessions, mcp_action_requests, run_waits, run_outcomes, approval_votes, action_steps, deliveries TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, UPDATE, DELETE ON project_databases, work_items TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, DELETE ON sealed_values TO countersign_app'),
            ('countersign_app', 'GRANT UPDATE (master_key_id, wrapped_key) ON sealed_values TO countersign_app'),
            ('countersign_app', 'GRANT DELETE ON commits TO countersign_app'),
            ('countersign_app', 'GRANT SELECT, INSERT, UPDATE, DELETE ON staff_sessions, sign_in_attempts TO countersign_app'),
            ('countersign_app', 'GRANT USAGE ON SEQUENCE work_fence TO countersign_app'),
            ('countersign_sequencer', 'GRANT SELECT ON flow_events TO countersign_sequencer'),
            ('countersign_sequencer', 'GRANT SELECT, DELETE ON audit_inbox TO countersign_sequencer'),
            ('countersign_eraser', 'GRANT SELECT, UPDATE (detail, salt, actor_id) ON flow_events TO countersign_eraser'),
            ('countersign_eraser', 'GRANT SELECT, DELETE ON principals TO countersign_eraser')
        ) AS wanted (role, statement)
        WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.role)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, granted.role);
        EXECUTE granted.statement;
    END LOOP;
    -- The list of applied migrations is made by whoever migrates, before the first of them runs.
    IF to_regclass('_sqlx_migrations') IS NOT NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        GRANT SELECT ON _sqlx_migrations TO countersign_app;
    END IF;
END
$$;

SELECT countersign_grant();
