"""Capturing: what programs and Python code read and wrote, and in which surroundings they ran."""
