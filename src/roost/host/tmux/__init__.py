"""tmux: one server per session, driven over one control-mode connection."""
