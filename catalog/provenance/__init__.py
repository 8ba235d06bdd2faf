"""Provenance: what W3C PROV can say of things and how they came about, as values, files, tables and a graph.

model       records, documents, and the terms of PROV-DM: one table that everything else here is driven by
tables      how records are kept: what was said, and the graph that it makes
"""
