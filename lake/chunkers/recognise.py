"""What a file holds: its format by its header, or numbers by trial.

``layout_of`` asks each recogniser in turn; the first that knows the file says where its numbers are.  A large file that
none knows is tried: are samples of it much smaller as numbers than as bytes?  Whatever is found only steers the
cutting; no recogniser can make a file come back as anything but its own bytes.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from .base import HEAD, Layout, Source
from .fits import fits
from .netcdf import netcdf
from .nifti import nifti
from .npy import npy, npz
from .tiff import tiff
from .trial import best_filter, numbers_in
from .typed import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RECOGNISERS", "layout_of", "recognise"]

RECOGNISERS: tuple[Callable[[Source], Layout | None], ...] = (npy, npz, fits, nifti, netcdf, tiff)


def recognise(name: bytes, size: int, read: Callable[[int, int], bytes], *, block_bytes: int = BLOCK) -> Layout | None:
    """What the file's header says of it, or ``None``.

    ``read(offset, length)`` gives the file's bytes; what it raises passes through, and nothing else is raised.
    """
    source = Source(name, size, read(0, min(size, HEAD)), read, block_bytes)
    for recogniser in RECOGNISERS:
        try:
            layout = recogniser(source)
        except (ValueError, OverflowError, LookupError, struct.error):
            continue  # a header that cannot be parsed is no header
        if layout is not None and _sound(layout, size):
            return layout
    return None


def layout_of(name: bytes, size: int, read: Callable[[int, int], bytes], *, block_bytes: int = BLOCK) -> Layout | None:
    """Where the numbers of a file are and how they are best stored; ``None`` for a file that is bytes.

    ``name``: its path, ``size``: in bytes, ``read(offset, length)``: its bytes, fewer where it ends.  ``block_bytes``:
    how long blocks should be, about.  Nothing is raised but what ``read`` raises.
    """
    layout = recognise(name, size, read, block_bytes=block_bytes)
    if layout is None or not layout.regions:
        # A format that says nothing of where its numbers are may still hold some, interleaved records for one.
        tried = numbers_in(size, read, block_bytes=block_bytes)
        return replace(layout, regions=tried.regions) if layout and tried else layout or tried
    regions = [replace(region, filter=best_filter(region, read)) for region in layout.regions]
    return replace(layout, regions=tuple(regions))


def _sound(layout: Layout, size: int) -> bool:
    """Whether the regions lie in a file of ``size`` bytes, in order, without overlapping."""
    end = 0
    for region in layout.regions:
        if region.offset < end or region.length < region.block_bytes or region.block_bytes <= 0:
            return False
        end = region.offset + region.length
    return end <= size
