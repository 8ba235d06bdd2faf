"""Formats of genomics: reads, alignments, sequences, features and variants, held against their specifications."""
