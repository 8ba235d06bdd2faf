"""Runs as Workflow Run RO-Crates."""
