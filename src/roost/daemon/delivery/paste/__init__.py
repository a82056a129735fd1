"""The channel of a terminal: a message is pasted into its agent's input line and entered."""
