"""What the core speaks of: peers, sessions, messages; events in, commands out; in which words."""
