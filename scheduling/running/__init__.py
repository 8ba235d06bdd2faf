"""Running: what is begun when, what becomes of it, what is done about that, and all of it on record."""
