"""Shell completion: what may stand next on a command line, and the files that let shells ask for it."""
