"""Arrays and columns: files of numbers, their structure held against the specification and their content decoded.

A length that a file tells is held against what there is before anything is read by it, and a chunk, a row group or a
block is in memory at a time.  What each array holds is counted on the way: ``array.nan``, ``array.infinite``,
``array.least`` and ``array.most`` are metrics, and ``ValueRules`` makes rules of them.
"""
