"""The S3 server of the catalog's tests, for crowds."""

from ...catalog.conftest import buckets, seaweed

__all__ = ["buckets", "seaweed"]
