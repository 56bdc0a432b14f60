-- The newest step of each target after $1, $2 targets at most. A target is compared byte by byte, as its index has it.
SELECT COALESCE(json_agg(s ORDER BY s.target COLLATE "C"), '[]')::text AS "steps!" FROM (
    SELECT DISTINCT ON (t.target COLLATE "C") t.* FROM action_steps AS t
    WHERE t.state <> 'not_done' AND t.target COLLATE "C" > $1
    ORDER BY t.target COLLATE "C", t.intended_at DESC, t.request_id DESC, t.revision DESC
    LIMIT $2) AS s
