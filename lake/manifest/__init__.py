"""Manifests: the rows of a snapshot, shared with the snapshots before and after it.

``Manifest`` reads one; ``align`` lays a scan beside it; ``ManifestWriter`` writes the next, of which all that did not
change is the segments that were there before.
"""

from __future__ import annotations

from .aligning import Stretch, align, previous_rows
from .cut import SIZES, Sizes
from .pairs import differing
from .reading import CHEAP, Counts, Manifest, Range, tally
from .writing import Draft, ManifestWriter, snapshot_digest

__all__ = [
    "CHEAP",
    "Counts",
    "Draft",
    "Manifest",
    "ManifestWriter",
    "Range",
    "SIZES",
    "Sizes",
    "Stretch",
    "align",
    "differing",
    "previous_rows",
    "snapshot_digest",
    "tally",
]
