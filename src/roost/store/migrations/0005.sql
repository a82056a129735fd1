-- What went wrong is looked for among all that went well.
CREATE INDEX messages_undone ON messages (state) WHERE state IN ('expired', 'refused', 'dead-letter');
