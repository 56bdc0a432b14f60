-- How deciding went since ?1. A decision is a vote, or the answer to a question; the span is that from asking to it.
WITH told AS (
    SELECT v.voted_at AS at, v.choice AS what,
        CAST(round((unixepoch(v.voted_at, 'subsec') - unixepoch(r.requested_at, 'subsec')) * 1000) AS INTEGER) AS ms
    FROM approval_votes AS v JOIN mcp_action_requests AS r ON r.request_id = v.request_id
    WHERE v.voted_at >= ?1
    UNION ALL
    SELECT state_at, state, iif(state = 'answered',
        CAST(round((unixepoch(state_at, 'subsec') - unixepoch(requested_at, 'subsec')) * 1000) AS INTEGER), NULL)
    FROM mcp_action_requests
    WHERE state IN ('answered', 'expired') AND state_at >= ?1
), days AS (
    SELECT unixepoch(at) / 86400 AS day,
        count(*) FILTER (WHERE what = 'approve') AS approvals, count(*) FILTER (WHERE what = 'deny') AS denials,
        count(*) FILTER (WHERE what = 'answered') AS answers, count(*) FILTER (WHERE what = 'expired') AS expiries
    FROM told GROUP BY 1
), spans AS (
    SELECT ms, row_number() OVER (ORDER BY ms) AS rank, count(*) OVER () AS number FROM told WHERE ms IS NOT NULL
), asked AS (
    SELECT agent_key, tool, count(*) AS requests FROM mcp_action_requests WHERE requested_at >= ?1
    GROUP BY agent_key, tool ORDER BY requests DESC, agent_key, tool LIMIT 20
)
SELECT json_object(
    'days', (SELECT json_group_array(json_object('day', day, 'approvals', approvals, 'denials', denials,
        'answers', answers, 'expiries', expiries) ORDER BY day) FROM days),
    'p50_ms', (SELECT min(ms) FROM spans WHERE rank * 100 >= number * 50),
    'p95_ms', (SELECT min(ms) FROM spans WHERE rank * 100 >= number * 95),
    'asked', (SELECT json_group_array(json_object('agent_key', agent_key, 'tool', tool, 'requests', requests)
        ORDER BY requests DESC, agent_key, tool) FROM asked)
) AS "document!: String"
