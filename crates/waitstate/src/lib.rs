//! An agent run, its waits, its paused timer and its outcomes inbox.
