"""Checks of documents, pictures and databases, and of what is known by name alone."""
