"""One module for each agent program: how it starts, shows its state, takes a message and resumes."""
