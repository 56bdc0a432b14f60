-- A decision whose reason was spoken says how the words became text.
ALTER TABLE approval_votes ADD COLUMN transcript jsonb;
COMMENT ON COLUMN approval_votes.transcript IS 'Who transcribed with which model, the language, how sure, the digest and length of the recording; empty for what was not spoken, or not transcribed here. The recording is nowhere.';
