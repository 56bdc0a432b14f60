-- Leases up to $2 due rows of kinds $1 to worker $3 for $4 milliseconds. Rows that somebody else is leasing at this moment are skipped.
WITH due AS MATERIALIZED (
    SELECT kind, subject FROM work_items
    WHERE kind = ANY ($1::text[]) AND due_at <= statement_timestamp()
        AND (lease_until IS NULL OR lease_until <= statement_timestamp())
    ORDER BY due_at, kind, subject LIMIT $2 FOR UPDATE SKIP LOCKED
),
leased AS (
    UPDATE work_items AS work SET
        fence = nextval('work_fence'), leased_by = $3::text, attempts = work.attempts + 1,
        lease_until = statement_timestamp() + $4::bigint * interval '1 millisecond'
    FROM due WHERE work.kind = due.kind AND work.subject = due.subject
    RETURNING work.kind, work.subject, work.fence, work.attempts, work.due_at, work.lease_until
)
SELECT kind, subject, fence, attempts, (extract(epoch FROM lease_until) * 1000000)::bigint AS "until!"
FROM leased ORDER BY due_at, kind, subject
