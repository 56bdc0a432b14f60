-- The links of one thing are read in their order, so many and no more: a run may have ten thousand.
DROP INDEX links_backwards;
ALTER TABLE links
    ALTER COLUMN from_kind TYPE text COLLATE "C",
    ALTER COLUMN from_id TYPE text COLLATE "C",
    ALTER COLUMN to_kind TYPE text COLLATE "C",
    ALTER COLUMN to_id TYPE text COLLATE "C";
CREATE INDEX links_backwards ON links (to_kind, to_id, from_kind, from_id);
