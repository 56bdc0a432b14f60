-- People sign in with a browser. Neither table is part of the domain: rows are erased when their end has come. What is kept of a secret in
-- a cookie is its SHA-256.
CREATE TABLE staff_sessions (
    session_id          TEXT    NOT NULL PRIMARY KEY,
    secret_hash         TEXT    NOT NULL UNIQUE,
    previous_hash       TEXT    UNIQUE,
    previous_good_until TEXT    CHECK (previous_good_until GLOB '????-??-??T??:??:??.??????Z'),
    csrf_token          TEXT    NOT NULL,
    principal           TEXT    NOT NULL,
    proof               TEXT    NOT NULL CHECK (proof IN ('oidc', 'development')),
    display_name        TEXT    NOT NULL,
    roles               TEXT    NOT NULL CHECK (json_valid(roles)),
    groups              TEXT    NOT NULL CHECK (json_valid(groups)),
    signed_in_at        TEXT    NOT NULL CHECK (signed_in_at GLOB '????-??-??T??:??:??.??????Z'),
    rotated_at          TEXT    NOT NULL CHECK (rotated_at GLOB '????-??-??T??:??:??.??????Z'),
    last_used_at        TEXT    NOT NULL CHECK (last_used_at GLOB '????-??-??T??:??:??.??????Z'),
    ends_at             TEXT    NOT NULL CHECK (ends_at GLOB '????-??-??T??:??:??.??????Z'),
    revoked_at          TEXT    CHECK (revoked_at GLOB '????-??-??T??:??:??.??????Z'),
    version             INTEGER NOT NULL CHECK (version >= 1),
    CHECK (previous_good_until IS NULL OR previous_hash IS NOT NULL)
) STRICT;
CREATE INDEX staff_sessions_by_principal ON staff_sessions (principal) WHERE revoked_at IS NULL;
CREATE INDEX staff_sessions_by_end ON staff_sessions (ends_at);

CREATE VIEW staff_sessions_json AS
SELECT session_id, secret_hash, previous_hash, json_object(
    'session_id', session_id, 'secret_hash', secret_hash, 'previous_hash', previous_hash,
    'previous_good_until', previous_good_until, 'csrf_token', csrf_token, 'principal', principal, 'proof', proof,
    'display_name', display_name, 'roles', json(roles), 'groups', json(groups), 'signed_in_at', signed_in_at,
    'rotated_at', rotated_at, 'last_used_at', last_used_at, 'ends_at', ends_at, 'revoked_at', revoked_at,
    'version', version
) AS record
FROM staff_sessions;

CREATE TABLE sign_in_attempts (
    state_hash   TEXT NOT NULL PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    nonce        TEXT NOT NULL,
    verifier     TEXT NOT NULL,
    return_to    TEXT NOT NULL,
    expires_at   TEXT NOT NULL CHECK (expires_at GLOB '????-??-??T??:??:??.??????Z')
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_attempts_by_end ON sign_in_attempts (expires_at);

-- Whoever proves an outside group at a sign-in may be one of those who decide.
ALTER TABLE approval_votes ADD COLUMN by_group TEXT;
DROP VIEW approval_votes_json;
CREATE VIEW approval_votes_json AS
SELECT request_id, revision, principal, voted_at, json_object(
    'request_id', request_id, 'revision', revision, 'principal', principal, 'choice', choice,
    'seen_digest', seen_digest, 'reason', reason, 'input_mode', input_mode, 'proof', proof,
    'voted_at', voted_at, 'as_sole_owner', json(iif(as_sole_owner, 'true', 'false')), 'by_group', by_group
) AS record
FROM approval_votes;
