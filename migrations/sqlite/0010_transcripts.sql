-- A decision whose reason was spoken says how the words became text. The recording is nowhere.
ALTER TABLE approval_votes ADD COLUMN transcript TEXT CHECK (json_valid(transcript));
DROP VIEW approval_votes_json;
CREATE VIEW approval_votes_json AS
SELECT request_id, revision, principal, voted_at, json_object(
    'request_id', request_id, 'revision', revision, 'principal', principal, 'choice', choice,
    'seen_digest', seen_digest, 'reason', reason, 'input_mode', input_mode, 'proof', proof,
    'voted_at', voted_at, 'as_sole_owner', json(iif(as_sole_owner, 'true', 'false')), 'by_group', by_group,
    'transcript', json(transcript)
) AS record
FROM approval_votes;
