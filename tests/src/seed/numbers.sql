-- What number n comes to: a function of the number and the seed alone. {requests}, {seed} and {until} are put in before this is run.

CREATE FUNCTION pg_temp.pick(n bigint, what text, below bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashtextextended(what || n::text, {seed}) & 9223372036854775807) % below
$$;

-- Spread over the year before the end.
CREATE FUNCTION pg_temp.at(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT '{until}'::timestamptz - make_interval(secs => 31536000.0 * ({requests} - n) / {requests})
$$;

-- A UUID of this time (version 7).
CREATE FUNCTION pg_temp.id(at timestamptz, what text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-7' || substr(h, 1, 3) || '-8' || substr(h, 4, 3) || '-' || substr(h, 7, 12)
    FROM (SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS t, md5(what || ':' || {seed}) AS h) AS parts
$$;

-- One request in ten is a nightly run's, of up to ten thousand; the others come ten to a run.
CREATE FUNCTION pg_temp.run_of(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN pg_temp.pick(n, 'nightly', 10) = 0 THEN -1 - n / 100000 ELSE n / 10 END
$$;

-- Of the newest hundredth more than half still waits.
CREATE FUNCTION pg_temp.is_open(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT n * 100 >= {requests}::bigint * 99 AND pg_temp.run_of(n) >= 0 AND pg_temp.pick(n, 'open', 10) < 6
$$;

CREATE FUNCTION pg_temp.reason(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['Rotate', 'Renew', 'Create', 'Restore', 'Provide', 'Replace', 'Prepare', 'Sync', 'Extend', 'Move', 'Repair', 'Check'])
            [1 + pg_temp.pick(n, 'verb', 12)] || ' '
        || (ARRAY['the signing key', 'the database password', 'a scratch database', 'the webhook secret', 'the deploy token', 'the report store',
            'the queue credentials', 'the search index', 'the billing export', 'the staging copy', 'the mail relay password', 'the session key',
            'the metrics store', 'the feature table', 'the license key', 'the cache password'])[1 + pg_temp.pick(n, 'thing', 16)] || ' '
        || (ARRAY['before the audit', 'after the incident', 'for the release', 'because the old one leaked', 'for the load test', 'as planned',
            'since the tests need it', 'for the new region', 'before it runs out', 'for the migration', 'while traffic is low',
            'as the customer asked', 'for the quarterly review', 'because a job failed'])[1 + pg_temp.pick(n, 'cause', 14)]
$$;

-- Two hundred projects, some with much more to do than others.
CREATE FUNCTION pg_temp.project(run_n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (ARRAY['billing', 'checkout', 'orders', 'search', 'mail', 'reports', 'catalog', 'shipping', 'accounts', 'payments', 'media', 'auth',
            'pricing', 'stock', 'support', 'ledger', 'gateway', 'events', 'profile', 'forecast'])[1 + p % 20]
        || '-' || (ARRAY['eu', 'us', 'asia', 'core', 'edge', 'web', 'app', 'jobs', 'data', 'lab'])[1 + p / 20]
    FROM (SELECT floor(200 * power(pg_temp.pick(run_n, 'project', 100000) / 100000.0, 2))::integer AS p) AS place
$$;

CREATE FUNCTION pg_temp.run(n bigint, OUT run_id text, OUT project text, OUT agent text, OUT environment text, OUT issue text, OUT pr text)
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN n < 0 THEN 'nightly-' || -n ELSE 'run-' || substr(md5('run:' || n || ':' || {seed}), 1, 10) END,
        pg_temp.project(n),
        (ARRAY['sre', 'deployer', 'reviewer', 'migrator', 'planner', 'tester', 'fixer', 'writer'])[1 + pg_temp.pick(n, 'agent', 8)],
        (ARRAY['dev', 'dev', 'dev', 'dev', 'dev', 'staging', 'staging', 'staging', 'production', 'production'])
            [1 + pg_temp.pick(n, 'environment', 10)],
        (1 + abs(n) / 3)::text, (100001 + abs(n))::text
$$;
