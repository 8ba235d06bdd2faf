"""Files of genomics: reads, sequences, alignments, variants and features, and what belongs together."""
