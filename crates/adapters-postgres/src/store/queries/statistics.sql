-- How deciding went since $1. A decision is a vote, or the answer to a question; the span is that from asking to it.
WITH told AS (
    SELECT v.voted_at AS at, v.choice AS what, v.voted_at - r.requested_at AS span
    FROM approval_votes AS v JOIN mcp_action_requests AS r ON r.request_id = v.request_id
    WHERE v.voted_at >= $1::text::timestamptz
    UNION ALL
    SELECT state_at, state, CASE WHEN state = 'answered' THEN state_at - requested_at END
    FROM mcp_action_requests
    WHERE state IN ('answered', 'expired') AND state_at >= $1::text::timestamptz
), days AS (
    SELECT floor(extract(epoch FROM at) / 86400)::bigint AS day,
        count(*) FILTER (WHERE what = 'approve') AS approvals, count(*) FILTER (WHERE what = 'deny') AS denials,
        count(*) FILTER (WHERE what = 'answered') AS answers, count(*) FILTER (WHERE what = 'expired') AS expiries
    FROM told GROUP BY 1
), spans AS (
    SELECT floor(extract(epoch FROM span) * 1000)::bigint AS ms FROM told WHERE span IS NOT NULL
), asked AS (
    SELECT agent_key, tool, count(*) AS requests FROM mcp_action_requests WHERE requested_at >= $1::text::timestamptz
    GROUP BY agent_key, tool ORDER BY requests DESC, agent_key COLLATE "C", tool COLLATE "C" LIMIT 20
)
SELECT json_build_object(
    'days', COALESCE((SELECT json_agg(days ORDER BY day) FROM days), '[]'),
    'p50_ms', (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FROM spans),
    'p95_ms', (SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) FROM spans),
    'asked', COALESCE((SELECT json_agg(asked ORDER BY requests DESC, agent_key COLLATE "C", tool COLLATE "C") FROM asked), '[]')
)::text AS "document!"
