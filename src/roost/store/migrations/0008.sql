-- For `IN` with several words SQLite makes a table of its own, for each row that is stored: half of its work.
DROP INDEX messages_unfinished;
CREATE INDEX messages_unfinished ON messages (recipient)
    WHERE (state = 'queued' OR state = 'offered' OR state = 'accepted' OR state = 'unknown');
DROP INDEX messages_undone;
CREATE INDEX messages_undone ON messages (state)
    WHERE (state = 'expired' OR state = 'refused' OR state = 'dead-letter');
