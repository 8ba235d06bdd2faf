"""Whether data is sound.

A *check* looks at one thing, a *finding* is one fact with a place and a severity, and a *report* holds every finding
rather than the first.  A check takes a path, a file object or a dataframe, and knows nothing of archives, commits or
schedulers.
"""

__all__: list[str] = []
