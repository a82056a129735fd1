"""The main job, shown to somebody who has just installed roost: every step is run for real and checked."""
