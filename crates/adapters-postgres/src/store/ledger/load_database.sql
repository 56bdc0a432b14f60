-- The owner row of the name $2 on the server $1.
SELECT json_build_object(
    'policy', (SELECT json_build_object('number', number, 'digest', digest) FROM policy_versions ORDER BY number DESC LIMIT 1),
    'owner', (SELECT row_to_json(d) FROM project_databases AS d WHERE d.server = $1 AND d.database_name = $2),
    'now', clock_timestamp()
)::text AS "document!"
