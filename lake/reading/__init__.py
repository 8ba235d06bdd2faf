"""Archived files read where they are: opened, as a filesystem, as arrays, fetching only what is asked for."""
