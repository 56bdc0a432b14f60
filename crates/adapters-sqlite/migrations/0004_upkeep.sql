-- Old commits are forgotten by their age, which must not take a look at all of them.
CREATE INDEX commits_by_age ON commits (committed_at);
