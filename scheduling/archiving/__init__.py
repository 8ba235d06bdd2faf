"""Runs in archives: results with where they came from, records, and what a regulator is given."""
