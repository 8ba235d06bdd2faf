"""``archive.provenance``: where things came from, what came of them, and doing it again; a verb to a module."""
