"""Whether a workflow can be run: over these samples, on this site."""
