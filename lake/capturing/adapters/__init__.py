"""Adapters: libraries that open files where Python does not see it, and functions known by a name.

They are put in place when the first block begins to listen, for what is imported by then and for what is imported
later, and taken away when the last one ends.  ``table`` says what there is, ``patching`` how it is done.
"""

from .placing import begin, end

__all__ = ["begin", "end"]
