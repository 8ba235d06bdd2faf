"""Reads, alignments and variants: what their specifications ask of a file."""
