"""NIfTI-1 and NIfTI-2: the volumes of neuroimaging, one uncompressed ``.nii`` file.

The header has a fixed layout, in the byte order of the machine that wrote it; the first axis is the fastest.
https://nifti.nimh.nih.gov/nifti-1 (``nifti1.h``) and https://nifti.nimh.nih.gov/nifti-2 (``nifti2.h``).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from .base import Layout
from .typed import region_of

if TYPE_CHECKING:
    from .base import Source

__all__ = ["nifti"]

# datatype codes of nifti1.h; RGB and 128-bit types are bytes.
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    32: "c8",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    1792: "c16",
}


def nifti(source: Source) -> Layout | None:
    """A volume or a series of volumes."""
    head = source.head
    if len(head) < 540:
        return None
    for order in "<>":
        size = struct.unpack_from(f"{order}i", head)[0]
        if size == 348 and head[344:348] == b"n+1\0":
            dimensions = struct.unpack_from(f"{order}8h", head, 40)
            code = struct.unpack_from(f"{order}h", head, 70)[0]
            offset = int(struct.unpack_from(f"{order}f", head, 108)[0])
        elif size == 540 and head[4:12] == b"n+2\0\r\n\x1a\n":
            dimensions = struct.unpack_from(f"{order}8q", head, 16)
            code = struct.unpack_from(f"{order}h", head, 12)[0]
            offset = struct.unpack_from(f"{order}q", head, 168)[0]
        else:
            continue
        shape = dimensions[1 : dimensions[0] + 1]
        if code not in _TYPES or not 1 <= dimensions[0] <= 7 or min(shape) < 1 or offset < size:
            return None
        kind = _TYPES[code]
        dtype = f"{'|' if kind.endswith('1') else order}{kind}"
        if offset + math.prod(shape) * int(kind[1:]) > source.size:
            return None
        region = region_of(offset, shape, dtype, target=source.target, fortran_order=True)
        return Layout(
            "nifti",
            (region,) if region else (),
            dtype=dtype,
            shape=shape,
            data_offset=offset,
            fortran_order=True,
        )
    return None
