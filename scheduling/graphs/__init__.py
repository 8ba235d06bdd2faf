"""How the steps of a workflow hang together, and whether they can."""
