"""Traces of runs in the format of WfCommons."""
