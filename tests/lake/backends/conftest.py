"""The S3 server of the catalog's tests, for whole archives."""

from ...catalog.conftest import buckets, one_proxy, proxy, seaweed

__all__ = ["one_proxy", "buckets", "proxy", "seaweed"]
