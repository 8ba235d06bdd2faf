"""SQL views over the tables, for questions that people ask: what is in which snapshot, and which holds at present.

=======================  ==================================================================================
``snapshot_states``      every snapshot ever made, with its ``state``: live, forgotten or purged
``live_snapshots``       those that are live
``files``                one row per live snapshot and path, as the snapshot has it: files, folders, links
``datasets``             one row per dataset: how many live snapshots, and what the latest holds
``current_annotations``  what is said at present of datasets, snapshots and files
``quarantined``          the live snapshots that are in quarantine, since when, by whom and why
``findings``             what was found in live snapshots, by the last report on each
``declared_schemas``     what tables of datasets have to be at present: files, version, schema
``provenance``           what had to do with what, by identifiers (see ``provenanceviews``)
``activities``           what was done: name, kind, times, outcome, author
=======================  ==================================================================================

Each is one SELECT of DuckDB's SQL, given to ``Catalog.sql``; a view comes after those it reads from.  The table
``entries`` has, beside its declared columns, ``segment``: the name of the segment each row lies in.
"""

from __future__ import annotations

from types import MappingProxyType

from .provenanceviews import PROVENANCE_VIEWS

__all__ = ["VIEWS"]

_SNAPSHOT_STATES = """
SELECT s.*, CASE WHEN r.purged THEN 'purged' WHEN r.last = 'forgotten' THEN 'forgotten' ELSE 'live' END AS state
FROM snapshots s
LEFT JOIN (
    SELECT snapshot, bool_or(event = 'purged') AS purged, arg_max(event, time) AS last FROM retention GROUP BY snapshot
) r USING (snapshot)
"""

_LIVE_SNAPSHOTS = "SELECT * EXCLUDE (state) FROM snapshot_states WHERE state = 'live'"

# A range's row counts unless a delta of the same snapshot speaks of its path, a delta's unless a later one does.
# Deltas are small, so the join that finds out is cheap however long the manifests are.
_FILES = """
WITH parts AS (
    SELECT s.dataset, s.number, r.snapshot, r.segment, r.ordinal, r.role
    FROM ranges r JOIN live_snapshots s USING (snapshot)
), edits AS (
    SELECT p.snapshot, e.path, e.path_bytes, max(p.ordinal) AS ordinal
    FROM entries e JOIN parts p USING (segment)
    WHERE p.role = 'delta'
    GROUP BY p.snapshot, e.path, e.path_bytes
)
SELECT
    p.dataset, p.number, p.snapshot, e.path, e.path_bytes, e.kind, e.size,
    make_timestamp(e.mtime_ns // 1000) AT TIME ZONE 'UTC' AS modified, e.mtime_ns, e.mode, e.uid, e.gid, e.owner,
    e.group, e.target, lower(hex(e.sha256)) AS sha256, e.chunks, e.dtype, e.shape, e.unsettled
FROM entries e
JOIN parts p USING (segment)
LEFT JOIN edits d
    ON d.snapshot = p.snapshot AND d.path = e.path AND d.path_bytes IS NOT DISTINCT FROM e.path_bytes
WHERE e.kind <> 'removed' AND p.ordinal >= coalesce(d.ordinal, 0)
"""

_DATASETS = """
SELECT
    dataset, count(*) AS snapshots, max(number) AS latest, max_by(time, number) AS time,
    max_by(entries, number) AS entries, max_by(files, number) AS files, max_by(bytes, number) AS bytes,
    sum(bytes)::BIGINT AS logical_bytes
FROM live_snapshots
GROUP BY dataset
"""

_CURRENT_ANNOTATIONS = """
SELECT * FROM (
    SELECT * FROM annotations
    QUALIFY row_number() OVER (PARTITION BY dataset, snapshot, path, key ORDER BY time DESC) = 1
)
WHERE type <> 'removed'
"""

_QUARANTINED = """
SELECT s.dataset, s.number, s.snapshot, q.time AS since, q.author, q.reason, q.report
FROM live_snapshots s
JOIN (SELECT * FROM quarantine QUALIFY row_number() OVER (PARTITION BY snapshot ORDER BY time DESC) = 1) q
    USING (snapshot)
WHERE q.event = 'quarantined'
"""

_FINDINGS = """
SELECT s.dataset, s.number, r.time, f.*
FROM (SELECT * FROM reports QUALIFY row_number() OVER (PARTITION BY snapshot ORDER BY time DESC) = 1) r
JOIN live_snapshots s USING (snapshot)
JOIN report_findings f USING (report)
"""

_DECLARED_SCHEMAS = """
SELECT * FROM (
    SELECT * FROM schemas
    QUALIFY row_number() OVER (PARTITION BY dataset, files ORDER BY version DESC, time DESC, declaration DESC) = 1
)
WHERE verdict <> 'withdrawn'
"""

VIEWS = MappingProxyType(
    {
        "snapshot_states": _SNAPSHOT_STATES,
        "live_snapshots": _LIVE_SNAPSHOTS,
        "files": _FILES,
        "datasets": _DATASETS,
        "current_annotations": _CURRENT_ANNOTATIONS,
        "quarantined": _QUARANTINED,
        "findings": _FINDINGS,
        "declared_schemas": _DECLARED_SCHEMAS,
        **PROVENANCE_VIEWS,
    }
)
