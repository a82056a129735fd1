"""What `doctor` looks at that only the daemon can see, one module a subject."""
