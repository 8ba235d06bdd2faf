"""Larger blocks of lines than a file is read in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..streams.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["joined"]


def joined(blocks: Iterable[Lines], *, least: int) -> Iterator[Lines]:
    """The same lines in blocks of ``least`` bytes or more; the last one may have fewer."""
    waiting: list[Lines] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block.data)
        if size >= least:
            yield _one(waiting)
            waiting, size = [], 0
    if waiting:
        yield _one(waiting)


def _one(blocks: list[Lines]) -> Lines:
    if len(blocks) == 1:
        return blocks[0]
    first, last = blocks[0], blocks[-1]
    shifts = [block.offset - first.offset for block in blocks]
    starts = np.concatenate([block.starts + shift for block, shift in zip(blocks, shifts, strict=True)])
    ends = np.concatenate([block.ends + shift for block, shift in zip(blocks, shifts, strict=True)])
    data = b"".join([block.data for block in blocks])
    return Lines(data, starts, ends, first.first, first.offset, last.terminated)
