"""Checks of what holds something else: packed files, zip and tar."""
