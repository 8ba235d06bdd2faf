"""Workflows of other systems, in and out, each with a list of what could not be carried over."""
