-- Links that touch things of kind $1 with these ids ($2), the first $3 in order, each once. Of no thing more is read than that.
SELECT DISTINCT found.from_kind AS "from_kind!", found.from_id AS "from_id!", found.to_kind AS "to_kind!", found.to_id AS "to_id!"
FROM unnest($2::text[]) AS wanted (id) CROSS JOIN LATERAL (
    (SELECT * FROM links WHERE from_kind = $1 AND from_id = wanted.id ORDER BY to_kind, to_id LIMIT $3)
    UNION ALL
    (SELECT * FROM links WHERE to_kind = $1 AND to_id = wanted.id ORDER BY from_kind, from_id LIMIT $3)
) AS found
ORDER BY 1, 2, 3, 4 LIMIT $3
