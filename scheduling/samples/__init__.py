"""Samples, and the sheets that list them."""
