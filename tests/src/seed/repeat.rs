//! Repeating the prototypes inside the database, in batches, with their marks replaced.

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

use super::Size;
use super::prototypes::{End, ISSUE, PULL_REQUEST, Prototypes, WHY};

/// Requests in one transaction. A multiple of ten, so that a run's requests come together.
const BATCH: i64 = 20_000;

/// The tables of a request, and by which column its rows are found there.
const OF_REQUESTS: [(&str, &str); 7] = [
    ("mcp_action_requests", "request_id"),
    ("run_waits", "request_id"),
    ("run_outcomes", "request_id"),
    ("approval_votes", "request_id"),
    ("action_steps", "request_id"),
    ("links", "to_id"),
    ("work_items", "subject"),
];

/// The events of a request and its wait, the most telling first.
const TELLING: [&str; 15] = [
    "approval.requested",
    "approval.applied",
    "approval.answered",
    "approval.denied",
    "approval.cancelled",
    "approval.expired",
    "approval.failed",
    "approval.approved",
    "mcp.tool.succeeded",
    "mcp.tool.failed",
    "mcp.tool.called",
    "approval.applying",
    "run.wait.paused",
    "run.wait.resumed",
    "mcp.tool.approval_pending",
];

/// The kinds of runs, where those of requests are counted from 0.
const FINISHED: i32 = -1;
const RUNNING: i32 = -2;
const WAITING: i32 = -3;

/// Repeats all of them.
pub(super) async fn all(
    connection: &mut PgConnection,
    prototypes: &Prototypes,
    size: Size,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    prepare(connection, prototypes, size).await?;
    let indexes = drop_indexes(connection).await?;
    let (run_level, of_requests) = (run_statements(connection).await?, request_statements(connection).await?);
    let requests = i64::from(size.requests);
    let nightly = format!("SELECT -1 - n FROM generate_series(0, ({requests} - 1) / 100000) AS n");
    write(connection, &format!("{}{}", batch_of_runs(&nightly, requests), run_level)).await?;
    for from in (0..requests).step_by(usize::try_from(BATCH)?) {
        let to = (from + BATCH).min(requests) - 1;
        let runs = format!("SELECT n FROM generate_series({from} / 10, {to} / 10) AS n");
        let batch = batch_of_runs(&runs, requests);
        write(connection, &format!("{batch}{run_level}{}{of_requests}", batch_of_requests(from, to))).await?;
        say(&format!("{} of {requests} requests", to + 1));
    }
    for (number, index) in indexes.iter().enumerate() {
        raw_sql(AssertSqlSafe(index.clone())).execute(&mut *connection).await?;
        say(&format!("index {} of {}", number + 1, indexes.len()));
    }
    for last in ["SET session_replication_role = origin", "VACUUM ANALYZE"] {
        raw_sql(last).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Functions of numbers, and the prototypes with their marks.
async fn prepare(connection: &mut PgConnection, prototypes: &Prototypes, size: Size) -> Result<()> {
    let until: String =
        sqlx::query_scalar("SELECT date_trunc('second', now())::text").fetch_one(&mut *connection).await?;
    let numbers = include_str!("numbers.sql")
        .replace("{requests}", &size.requests.to_string())
        .replace("{seed}", &format!("({}::bigint)", size.seed))
        .replace("{until}", &until);
    // Foreign keys hold by how the rows are made; looking each of them up would take most of the time.
    let settings = "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB';";
    raw_sql(AssertSqlSafe(format!("{settings}\n{numbers}"))).execute(&mut *connection).await?;
    raw_sql(include_str!("tables.sql")).execute(&mut *connection).await?;
    let (mut open, mut over) = (0, 0);
    for (number, played) in prototypes.requests.iter().enumerate() {
        let waits = played.kind.end == End::Waiting;
        let low = if waits { &mut open } else { &mut over };
        let high = *low + i32::try_from(played.kind.share)?;
        sqlx::query(
            "INSERT INTO kinds SELECT $1, $2, $3, $4, run_id, request_id, correlation_id, intent_digest, plan_digest, $5, requested_at \
             FROM mcp_action_requests WHERE request_id = $6",
        )
        .bind(i32::try_from(number)?)
        .bind(waits)
        .bind(*low)
        .bind(high)
        .bind(&played.thing)
        .bind(&played.request)
        .execute(&mut *connection)
        .await?;
        *low = high;
        keep_rows(connection, i32::try_from(number)?, &played.run, &played.request, size).await?;
    }
    anyhow::ensure!((over, open) == (100, 100), "shares come to {over} and {open} of a hundred");
    for (kind, run) in
        [(FINISHED, &prototypes.finished), (RUNNING, &prototypes.running), (WAITING, &prototypes.waiting)]
    {
        keep_run(connection, kind, run).await?;
    }
    Ok(())
}

/// The rows of a request as texts.
async fn keep_rows(
    connection: &mut PgConnection,
    kind: i32,
    run: &str,
    request: &str,
    size: Size,
) -> Result<()> {
    for (table, column) in OF_REQUESTS {
        let query = format!(
            "INSERT INTO prototypes SELECT $1, '{table}', row_number() OVER (), NULL, to_jsonb(t)::text FROM {table} AS t \
             WHERE t.{column} = $2"
        );
        sqlx::query(AssertSqlSafe(query)).bind(kind).bind(request).execute(&mut *connection).await?;
    }
    sqlx::query(
        "INSERT INTO prototypes SELECT $1, 'flow_events', row_number() OVER (ORDER BY position), event_id, \
             (to_jsonb(told) - 'place')::text \
         FROM (SELECT e.*, array_position($4, e.event_type::text) AS place FROM flow_events AS e \
             WHERE e.run_id = $2 AND (e.request_id = $3 OR e.request_id IS NULL) AND e.event_type = ANY ($4) \
             ORDER BY place LIMIT $5) AS told",
    )
    .bind(kind)
    .bind(run)
    .bind(request)
    .bind(TELLING.map(str::to_owned))
    .bind(i64::from(size.events.div_ceil(size.requests.max(1))))
    .execute(&mut *connection)
    .await?;
    // Its words but for those of its id, each between blanks.
    sqlx::query(
        "INSERT INTO prototypes SELECT $1, 'request_search', 1, NULL, \
             ' ' || (SELECT string_agg(word, '  ') FROM unnest(tsvector_to_array(words)) AS word \
                 WHERE word <> ALL (string_to_array(request_id, '-'))) || ' ' \
         FROM request_search WHERE request_id = $2",
    )
    .bind(kind)
    .bind(request)
    .execute(connection)
    .await?;
    Ok(())
}

/// The rows of a run itself.
async fn keep_run(connection: &mut PgConnection, kind: i32, run: &str) -> Result<()> {
    let kept = [
        "INSERT INTO kinds (kind, run_id, at) SELECT $1, run_id, registered_at FROM agent_sessions WHERE run_id = $2",
        "INSERT INTO prototypes SELECT $1, 'agent_sessions', 1, NULL, to_jsonb(t)::text FROM agent_sessions AS t WHERE t.run_id = $2",
        "INSERT INTO prototypes SELECT $1, 'links', row_number() OVER (), NULL, to_jsonb(t)::text FROM links AS t \
         WHERE t.to_kind = 'run' AND t.to_id = $2",
        "INSERT INTO prototypes SELECT $1, 'flow_events', row_number() OVER (ORDER BY position), event_id, to_jsonb(t)::text \
         FROM flow_events AS t WHERE t.run_id = $2 AND t.event_type IN ('run.registered', 'run.linked', 'run.finished')",
    ];
    for query in kept {
        sqlx::query(query).bind(kind).bind(run).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Takes down the indexes that hold nothing unique, and tells how to make them again: one after the other they are made much faster.
async fn drop_indexes(connection: &mut PgConnection) -> Result<Vec<String>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I', c.relname), pg_get_indexdef(i.indexrelid) FROM pg_index AS i \
         JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid \
         WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisunique ORDER BY c.relname",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (name, _) in &found {
        raw_sql(AssertSqlSafe(format!("DROP INDEX {name}"))).execute(&mut *connection).await?;
    }
    Ok(found.into_iter().map(|(_, definition)| definition).collect())
}

fn batch_of_runs(numbers: &str, requests: i64) -> String {
    // A run that begins in the last two thousandths of the year still works.
    format!(
        "TRUNCATE batch_runs, batch;
         INSERT INTO batch_runs SELECT runs.n,
             CASE WHEN runs.n >= 0 AND EXISTS (SELECT FROM generate_series(runs.n * 10, runs.n * 10 + 9) AS m WHERE pg_temp.is_open(m)) \
                 THEN {WAITING} WHEN runs.n * 10 > {requests}::bigint * 998 / 1000 THEN {RUNNING} ELSE {FINISHED} END,
             pg_temp.at(CASE WHEN runs.n < 0 THEN (-1 - runs.n) * 100000 ELSE runs.n * 10 END) - interval '1 minute',
             r.run_id, r.project, r.agent, r.environment, r.issue, r.pr
         FROM ({numbers}) AS runs (n), pg_temp.run(runs.n) AS r;\n"
    )
}

fn batch_of_requests(from: i64, to: i64) -> String {
    format!(
        "INSERT INTO batch SELECT n, k.kind, pg_temp.at(n), r.run_id, r.project, r.agent, r.environment, r.issue, r.pr,
             pg_temp.id(pg_temp.at(n), 'request:' || n), pg_temp.id(pg_temp.at(n), 'correlation:' || n),
             'sha256:' || encode(sha256(convert_to('intent:' || n, 'UTF8')), 'hex'),
             'sha256:' || encode(sha256(convert_to('plan:' || n, 'UTF8')), 'hex'),
             (ARRAY['orders', 'users', 'keys', 'files', 'jobs', 'stats'])[1 + n % 6] || n, pg_temp.reason(n)
         FROM (SELECT n, pg_temp.is_open(n) AS open, pg_temp.pick(n, 'kind', 100) AS part
             FROM generate_series({from}::bigint, {to}::bigint) AS n OFFSET 0) AS numbers
         CROSS JOIN LATERAL pg_temp.run(pg_temp.run_of(n)) AS r
         JOIN kinds AS k ON k.open = numbers.open AND numbers.part >= k.low AND numbers.part < k.high;\n"
    )
}

/// What is replaced in a row: marks on the left, on the right what stands in the batch `b`.
fn marks() -> Vec<(String, &'static str)> {
    let literal = |text: &str| format!("'{text}'");
    vec![
        ("k.run_id".to_owned(), "b.run_id"),
        (literal("acme/shop"), "'acme/' || b.project"),
        (literal("shop-dev"), "b.project || '-' || b.environment"),
        (literal("\"shop\""), "'\"' || b.project || '\"'"),
        (literal("\"dev\""), "'\"' || b.environment || '\"'"),
        (literal("\"patient\""), "'\"' || b.agent || '\"'"),
        (literal("\"hasty\""), "'\"' || b.agent || '\"'"),
        (literal(&ISSUE.to_string()), "b.issue"),
        (literal(&PULL_REQUEST.to_string()), "b.pr"),
    ]
}

fn marks_of_requests() -> Vec<(String, &'static str)> {
    let mut marks = marks();
    let own = [
        ("k.request_id", "b.request_id"),
        ("k.correlation_id", "b.correlation_id"),
        ("k.intent_digest", "b.intent_digest"),
        ("k.plan_digest", "b.plan_digest"),
        ("k.thing", "b.thing"),
        ("upper(k.thing)", "upper(b.thing)"),
    ];
    marks.extend(own.map(|(mark, text)| (mark.to_owned(), text)));
    marks.push((format!("'{WHY}'"), "b.why"));
    marks
}

fn replaced(row: &str, marks: &[(String, &str)]) -> String {
    marks.iter().fold(row.to_owned(), |text, (mark, by)| format!("replace({text}, {mark}, {by})"))
}

async fn run_statements(connection: &mut PgConnection) -> Result<String> {
    let mut statements = String::new();
    for table in ["agent_sessions", "links", "flow_events"] {
        statements += &insert(connection, table, "batch_runs", &marks()).await?;
    }
    Ok(statements)
}

async fn request_statements(connection: &mut PgConnection) -> Result<String> {
    let mut statements = String::new();
    for table in OF_REQUESTS.map(|(table, _)| table).into_iter().chain(["flow_events"]) {
        statements += &insert(connection, table, "batch", &marks_of_requests()).await?;
    }
    // Words stand between blanks; what is put in is taken apart as the program takes texts apart, which are of ASCII here.
    let mut marks = marks_of_requests();
    for (mark, _) in &mut marks {
        *mark = mark.replace('"', " ");
    }
    let words = replaced("p.row", &marks).replace("'\"'", "' '");
    statements += &format!(
        "INSERT INTO request_search SELECT b.request_id, b.at, array_to_tsvector(array_remove(string_to_array( \
             translate(lower({words} || ' ' || b.request_id), '-_/:#.,', '       '), ' '), '')) \
         FROM batch AS b JOIN kinds AS k USING (kind) JOIN prototypes AS p ON p.kind = b.kind AND p.name = 'request_search';\n"
    );
    Ok(statements)
}

/// The statement that repeats the rows of a table for all of a batch. Times keep their distance from the beginning; what is open stays so for a
/// month.
async fn insert(
    connection: &mut PgConnection,
    table: &str,
    batch: &str,
    marks: &[(String, &'static str)],
) -> Result<String> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() \
         AND table_name = $1 AND column_default IS NULL AND is_identity = 'NO' ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(connection)
    .await
    .with_context(|| format!("the columns of {table}"))?;
    let value = |(name, form): &(String, String)| match (table, name.as_str(), form.as_str()) {
        ("mcp_action_requests", "decide_by", _) | ("work_items", "due_at", _) => {
            format!("r.{name} - k.at + b.at + interval '30 days'")
        }
        (_, _, "timestamp with time zone") => format!("r.{name} - k.at + b.at"),
        _ => format!("r.{name}"),
    };
    let names: Vec<_> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<_> = columns.iter().map(value).collect();
    let mut row = replaced("p.row", marks);
    if table == "flow_events" {
        row = format!(
            "replace({row}, p.event_id, pg_temp.id(b.at, 'event:' || b.n || ':' || p.kind || ':' || p.place))"
        );
    }
    Ok(format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {batch} AS b JOIN kinds AS k USING (kind) \
         JOIN prototypes AS p ON p.kind = b.kind AND p.name = '{table}' \
         CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, ({row})::jsonb) AS r ORDER BY b.n, p.place;\n",
        names.join(", "),
        values.join(", "),
    ))
}

/// Several statements in one transaction.
async fn write(connection: &mut PgConnection, statements: &str) -> Result<()> {
    raw_sql(AssertSqlSafe(format!("BEGIN;\n{statements}COMMIT;"))).execute(connection).await?;
    Ok(())
}
