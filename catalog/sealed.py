"""Small JSON records that notice when they were changed: canonical bytes, with their own digest among the fields.

``{"format":1,"name":"Rivera lab",…,"seal":"<SHA-256 of the record without seal and signature>"}``.  There is one way to
write a record, so that its bytes can be hashed by anyone.  Every format, also later ones, keeps ``format`` and
``seal``: a damaged record is told from a newer one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .errors import FormatTooNew, LogDamaged

__all__ = ["FORMAT", "sha256", "unwrap", "wrap"]

# The version of everything written as records: archive.json, log entries, checkpoints.
FORMAT = 1


def sha256(data: bytes) -> str:
    """The SHA-256 of ``data`` in hex."""
    return hashlib.sha256(data).hexdigest()


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _seal(fields: dict[str, Any]) -> str:
    # A signature is made over the seal, so it cannot be part of what is sealed.
    return sha256(_canonical({name: value for name, value in fields.items() if name not in ("seal", "signature")}))


def wrap(fields: dict[str, Any]) -> bytes:
    """The record's bytes: ``fields`` with ``format`` and ``seal``."""
    fields = {**fields, "format": FORMAT}
    return _canonical({**fields, "seal": _seal(fields)})


def unwrap(data: bytes, key: str) -> dict[str, Any]:
    """The fields of the record that was read from the object ``key``.

    Raises ``LogDamaged`` when the bytes are not what was written, and ``FormatTooNew`` when a later version wrote them.
    """
    try:
        fields = json.loads(data)
    except ValueError as error:  # also bytes that are not UTF-8
        raise LogDamaged(f"{key} is damaged: it is not JSON ({len(data)} bytes)", key=key) from error
    except RecursionError as error:
        raise LogDamaged(f"{key} is damaged: no record is nested so deep", key=key) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("format"), int) or "seal" not in fields:
        raise LogDamaged(f"{key} is damaged: it is not a record with a format and a seal", key=key)
    try:
        whole = fields["seal"] == _seal(fields) and data == _canonical(fields)
    except ValueError:  # a lone surrogate, or a number that is none
        whole = False
    if not whole:
        raise LogDamaged(f"{key} is damaged: its bytes do not match its seal", key=key)
    if fields["format"] > FORMAT:
        raise FormatTooNew(
            f"{key} has format {fields['format']}; this version of holotype reads up to {FORMAT}: install a newer one",
            key=key,
            found=fields["format"],
            known=FORMAT,
        )
    return fields
