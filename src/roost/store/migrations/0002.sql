-- A peer has at most one active session, and beside it those of its pool.
ALTER TABLE sessions ADD COLUMN pooled INTEGER NOT NULL DEFAULT 0;
DROP INDEX sessions_live;
CREATE UNIQUE INDEX sessions_active ON sessions (peer) WHERE ended_at IS NULL AND pooled = 0;
CREATE INDEX sessions_live ON sessions (peer) WHERE ended_at IS NULL;

-- Which session died last was its peer's latest until now, and is written down from now on.
UPDATE peers
SET data = json_set(data, '$.last_death.session',
    (SELECT session FROM deaths WHERE deaths.peer = peers.name ORDER BY seq DESC LIMIT 1))
WHERE json_type(data, '$.last_death') = 'object'
    AND EXISTS (SELECT 1 FROM deaths WHERE deaths.peer = peers.name);
