-- Names and addresses that the daemon chose once, such as its HTTP port.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE peers (
    name TEXT PRIMARY KEY,
    runtime TEXT NOT NULL,
    stopped INTEGER NOT NULL,
    created_at REAL NOT NULL,
    data TEXT NOT NULL
) WITHOUT ROWID;

-- A row with ended_at is history; the index below lets no peer have two lives at once.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    peer TEXT NOT NULL REFERENCES peers (name),
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    conversation TEXT,
    started_at REAL NOT NULL,
    ended_at REAL,
    data TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_live ON sessions (peer) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX sessions_generation ON sessions (peer, generation);

-- One row for each ended session, and never two.
CREATE TABLE deaths (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL UNIQUE REFERENCES sessions (id),
    peer TEXT NOT NULL,
    generation INTEGER NOT NULL,
    at REAL NOT NULL,
    cause TEXT NOT NULL,
    exit_code INTEGER,
    signal INTEGER,
    by TEXT,
    evidence TEXT NOT NULL,
    counted INTEGER NOT NULL,
    conversation TEXT,
    last_lines TEXT NOT NULL
);
CREATE INDEX deaths_peer ON deaths (peer);

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    created_at REAL NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    topic TEXT,
    reply_to TEXT,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    expires_at REAL,
    not_before REAL,
    accepted_at REAL,
    done_at REAL,
    session TEXT,
    attempts INTEGER NOT NULL,
    cut INTEGER NOT NULL,
    redriven INTEGER NOT NULL,
    notice TEXT,
    attachments TEXT
);
-- The cost of a queue follows what waits in it, not what ever passed through it.
CREATE INDEX messages_unfinished ON messages (recipient)
    WHERE state IN ('queued', 'offered', 'accepted', 'unknown');
CREATE INDEX messages_recipient ON messages (recipient);
CREATE INDEX messages_sender ON messages (sender);
CREATE INDEX messages_reply_to ON messages (reply_to) WHERE reply_to IS NOT NULL;

-- Apart from the message: each change of a row writes the whole row again, and a body never changes.
CREATE TABLE bodies (
    seq INTEGER PRIMARY KEY REFERENCES messages (seq) ON DELETE CASCADE,
    body BLOB NOT NULL
);

CREATE TABLE attempts (
    message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    at REAL NOT NULL,
    session TEXT,
    outcome TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (message, n)
) WITHOUT ROWID;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    ts REAL NOT NULL,
    kind TEXT NOT NULL,
    peer TEXT NOT NULL,
    session TEXT,
    message TEXT,
    cause TEXT,
    data TEXT NOT NULL
);
CREATE INDEX journal_peer ON journal (peer);

CREATE TABLE intents (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    peer TEXT NOT NULL,
    at REAL NOT NULL,
    session TEXT,
    message TEXT,
    data TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    peer TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX tokens_session ON tokens (session);
