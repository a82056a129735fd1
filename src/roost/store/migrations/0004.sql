-- Rows of several hundred bytes in tables of their own, apart from the keys: with them in the tree of the keys four
-- stood on a page, and each change went through six pages. One index now tells both which sessions live and that a
-- peer has one active session at most; pooled ones differ by their generation.
CREATE TABLE moved (
    id TEXT PRIMARY KEY NOT NULL,
    peer TEXT NOT NULL REFERENCES peers (name),
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    conversation TEXT,
    started_at REAL NOT NULL,
    ended_at REAL,
    pooled INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL
);
INSERT INTO moved SELECT id, peer, generation, state, conversation, started_at, ended_at, pooled, data
FROM sessions ORDER BY started_at;
DROP TABLE sessions;
ALTER TABLE moved RENAME TO sessions;
CREATE UNIQUE INDEX sessions_live ON sessions (peer, iif(pooled, generation, 0)) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX sessions_generation ON sessions (peer, generation);

CREATE TABLE moved (
    name TEXT PRIMARY KEY NOT NULL,
    runtime TEXT NOT NULL,
    stopped INTEGER NOT NULL,
    created_at REAL NOT NULL,
    data TEXT NOT NULL
);
INSERT INTO moved SELECT name, runtime, stopped, created_at, data FROM peers ORDER BY created_at;
DROP TABLE peers;
ALTER TABLE moved RENAME TO peers;
