"""What the tables say: which snapshots there are, where each chunk lies, and what refers to what."""
