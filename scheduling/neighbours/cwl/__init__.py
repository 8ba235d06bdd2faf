"""The Common Workflow Language, v1.0 to v1.2: in, and out."""
