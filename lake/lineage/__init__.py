"""Lineage: what an archive says of how things came about, and what it knows of it."""
