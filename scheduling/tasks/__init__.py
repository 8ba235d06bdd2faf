"""Tasks: what a run has to do, worked out of its graph, its samples and what was made so far."""
