-- Who is to be told of what becomes of peers, of messages of a topic, of files that two of them write.
CREATE TABLE watches (
    id TEXT PRIMARY KEY,
    watcher TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
) WITHOUT ROWID;
