"""Provenance: what W3C PROV can say of things and how they came about, as values, files, tables and a graph.

Each module may use those above it::

    model       records, documents, and the terms of PROV-DM: one table that everything else here is driven by
    vocabulary  identifiers and attributes of what an archive speaks of
    scanning    the words of PROV-N, as they are read
    spelling    the words of PROV-N, as they are written
    provn       documents in PROV-N
    checking    what PROV-CONSTRAINTS says of a document: whether it can be true, and if not, why not
    check       the same of a file
    keys        the 64 bits that the graph knows an element by
    tables      how records are kept: what was said, and the graph that it makes
    rows        records as rows of those tables, and back
    stored      what the tables say of elements
"""
