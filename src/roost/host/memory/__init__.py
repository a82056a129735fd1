"""In-memory twins of the host interfaces: deterministic, scriptable, held to the same contract tests."""
