"""Validation of what goes in and out: what is asked, what was found, and how that is kept."""
