-- Who takes part in a thread is found by the messages of its topic.
CREATE INDEX messages_topic ON messages (topic) WHERE topic IS NOT NULL;
