"""Nextflow's processes, as far as they are declared: read as text, never run."""
