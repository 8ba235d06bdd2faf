"""From packs to files: what the target can hold, and how entries are made there as they were."""
