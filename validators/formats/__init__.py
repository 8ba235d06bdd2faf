"""Formats of files: what they are called, how they are known, and whether they would show damage by themselves."""
