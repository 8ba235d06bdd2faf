"""The tables of an archive: every record it keeps, declared.

A snapshot's manifest is not a table of its own: its rows live in segments of ``entries``, and ``ranges`` says which
segments, in which order, make up which snapshot.  Two snapshots that differ in one file share all other segments::

    snapshots   run42@1      run42@2
    ranges      e1 e2 e3     e1 e2 e3 + delta d1
    entries     e1 e2 e3 d1  (segments, each a few thousand rows in path order)
    chunks      where each chunk of bytes lies: pack, byte range, codec
    packs       the storage objects that hold them
"""

from __future__ import annotations

import pyarrow as pa

from holotype.catalog import Column, Table, provenance

from .records.kept import KEPT
from .validation.tables import VALIDATION_TABLES

__all__ = [
    "ANNOTATIONS",
    "CHUNKS",
    "ENTRIES",
    "PACKS",
    "PROBLEMS",
    "RANGES",
    "RETENTION",
    "SESSIONS",
    "SNAPSHOTS",
    "TABLES",
    "TOMBSTONES",
    "UNFINISHED",
]

TEXT, BYTES, DIGEST, COUNT, FLAG = pa.string(), pa.binary(), pa.binary(32), pa.int64(), pa.bool_()
TIME = pa.timestamp("us", tz="UTC")
KINDS = ("file", "directory", "symlink", "hardlink", "fifo", "socket", "character-device", "block-device", "removed")

SESSIONS = Table(
    "sessions",
    "Who may be writing packs: a session is opened before its first pack is written.",
    (
        Column("session", TEXT, "The session's name; its packs lie under it."),
        Column("event", TEXT, "What happened to the session.", among=("opened", "aborted")),
        Column("time", TIME, "When, by the clock of the machine that says so."),
        Column("host", TEXT, "The machine that opened the session.", nullable=True),
        Column("process", COUNT, "The process that opened the session.", nullable=True),
    ),
)

SNAPSHOTS = Table(
    "snapshots",
    "One row per snapshot ever made; what became of it later is in retention.",
    (
        Column(
            "snapshot",
            TEXT,
            "The snapshot's digest: SHA-256 of its record, which names the digests of its manifest.",
            matches="[0-9a-f]{64}",
        ),
        Column("dataset", TEXT, "The dataset it is a version of."),
        Column("number", COUNT, "Its number in the dataset, from 1, never used again.", least=1),
        Column("parent", TEXT, "The digest of the snapshot it was made from, if any.", nullable=True),
        Column("kind", TEXT, "What was given to the archive.", among=("files", "table", "array")),
        Column("began", TIME, "When its source began to be looked at, by the writer's clock."),
        Column("time", TIME, "When it was committed, by the writer's clock."),
        Column("author", TEXT, "Who made it."),
        Column("host", TEXT, "The machine it was made on."),
        Column("source", TEXT, "Where the bytes were read from.", nullable=True),
        Column("message", TEXT, "What its author says of it."),
        Column("session", TEXT, "The session that wrote its packs, if it needed new ones.", nullable=True),
        Column("entries", COUNT, "How many entries it has.", least=0),
        Column("files", COUNT, "How many of them are files or hard links.", least=0),
        Column("bytes", COUNT, "The size of all its files together.", least=0),
        Column("new_bytes", COUNT, "How many raw bytes had to be stored for it.", least=0),
        Column("problems", COUNT, "How many entries could not be kept as they are.", least=0),
    ),
)

RANGES = Table(
    "ranges",
    "Which segments of entries make up which snapshot.",
    (
        Column("snapshot", TEXT, "The snapshot's digest."),
        Column(
            "ordinal",
            COUNT,
            "The segment's place in the manifest: ranges in key order, then deltas, oldest first.",
            least=0,
        ),
        Column("segment", TEXT, "The segment of entries."),
        Column(
            "role",
            TEXT,
            "A range holds all entries between two keys; a delta's rows replace or remove them.",
            among=("range", "delta"),
        ),
        Column("rows", COUNT, "How many rows the segment has.", least=0),
        Column("first", BYTES, "The key of its first row."),
        Column("last", BYTES, "The key of its last row."),
    ),
)

ENTRIES = Table(
    "entries",
    "The rows of manifests, shared between snapshots (see the view files for one row per snapshot and path).",
    (
        Column("path", TEXT, "The path below the source, with slashes; bytes that are not UTF-8 are shown as \\xNN."),
        Column("path_bytes", BYTES, "The path's own bytes, where they are not UTF-8.", nullable=True),
        Column("kind", TEXT, "What the entry is; removed only in a delta.", among=KINDS),
        Column("size", COUNT, "Size in bytes of a file or a symlink's target, else 0.", least=0),
        Column("mtime_ns", COUNT, "Time of last modification, nanoseconds since 1970."),
        Column("ctime_ns", COUNT, "Time of last status change, nanoseconds since 1970, as read."),
        Column("inode", pa.uint64(), "The inode number it was read from."),
        Column("mode", pa.uint32(), "Permission bits, set-user-id, set-group-id and sticky bits."),
        Column("uid", pa.uint32(), "The owner's number."),
        Column("gid", pa.uint32(), "The group's number."),
        Column("owner", TEXT, "The owner's name, where there is one.", nullable=True),
        Column("group", TEXT, "The group's name, where there is one.", nullable=True),
        Column(
            "target", BYTES, "A symlink's target, or the key path of the first hard link of the group.", nullable=True
        ),
        Column("sha256", DIGEST, "SHA-256 of the file's bytes, as sha256sum prints it.", nullable=True),
        Column("chunks", pa.list_(DIGEST), "The file's chunks, in order: BLAKE3-256 of each.", nullable=True),
        Column("holes", pa.list_(COUNT), "A sparse file's holes: offset, length, offset, length, …", nullable=True),
        Column(
            "xattrs",
            pa.list_(pa.struct([pa.field("name", BYTES), pa.field("value", BYTES)])),
            "Extended attributes by name, POSIX ACLs among them.",
            nullable=True,
        ),
        Column(
            "dtype",
            TEXT,
            "The element type, where the file was cut as numbers (NumPy's notation, such as <f4).",
            nullable=True,
        ),
        Column("shape", pa.list_(COUNT), "The array's shape, where the file says one.", nullable=True),
        Column("data_offset", COUNT, "Where the numbers begin in the file, in bytes.", nullable=True),
        Column("unsettled", FLAG, "Whether the file still changed when it was read a second time."),
    ),
    named=True,
)

CHUNKS = Table(
    "chunks",
    "Where each chunk lies.",
    (
        Column("chunk", DIGEST, "BLAKE3-256 of the chunk's bytes."),
        Column("pack", TEXT, "The pack that holds it."),
        Column("offset", COUNT, "Where its stored block begins in the pack's data object, in bytes.", least=0),
        Column("stored", COUNT, "The stored block's length in bytes.", least=0),
        Column(
            "codec", TEXT, "How the block is stored: raw, zstd, or a numcodecs chain such as blosc or delta:<i4+blosc."
        ),
        Column("block", COUNT, "The decoded block's length in bytes.", least=0),
        Column("start", COUNT, "Where the chunk begins in the decoded block, in bytes.", least=0),
        Column("length", COUNT, "The chunk's length in bytes.", least=0),
    ),
    sort=("chunk",),
)

PACKS = Table(
    "packs",
    "The storage objects that hold chunks.",
    (
        Column("pack", TEXT, "The pack's name: session, slash, BLAKE3-256 of its content."),
        Column("kind", TEXT, "The pack's format.", among=("parquet", "zarr")),
        Column("session", TEXT, "The session that wrote it."),
        Column("object", TEXT, "The key of the object that holds its data."),
        Column("bytes", COUNT, "The size of the data object.", least=1),
        Column("raw", COUNT, "The size of its chunks together.", least=0),
        Column("chunks", COUNT, "How many chunks it holds.", least=1),
        Column(
            "described", COUNT, "The size of the object beside it that describes a Zarr pack.", nullable=True, least=1
        ),
    ),
)

PROBLEMS = Table(
    "problems",
    "What a backup could not keep as it is.",
    (
        Column("snapshot", TEXT, "The snapshot's digest."),
        Column("path", TEXT, "The path below the source."),
        Column(
            "problem",
            TEXT,
            "What kind of problem.",
            among=("unreadable", "vanished", "changed", "special", "loop", "attributes", "skipped"),
        ),
        Column("message", TEXT, "What happened, as the operating system says it."),
    ),
)

RETENTION = Table(
    "retention",
    "What became of snapshots: the last event of a snapshot is its state.",
    (
        Column("snapshot", TEXT, "The snapshot's digest."),
        Column(
            "event",
            TEXT,
            "A forgotten snapshot can be recovered until it is purged.",
            among=("forgotten", "recovered", "purged"),
        ),
        Column("time", TIME, "When."),
        Column("author", TEXT, "Who."),
        Column("reason", TEXT, "Why: the rule or the author's words."),
    ),
)

UNFINISHED = Table(
    "unfinished",
    "What first backups that are under way, or were interrupted, have seen so far: ranges of their manifests.",
    (
        Column("session", TEXT, "The backup's session."),
        Column("dataset", TEXT, "The dataset it is to be the first version of."),
        Column("source", TEXT, "Where it reads."),
        Column("host", TEXT, "The machine it runs on."),
        Column("began", TIME, "When its source began to be looked at, by the writer's clock."),
        Column("ordinal", COUNT, "The range's place in the manifest; what was said of it last holds.", least=0),
        Column("segment", TEXT, "The segment of entries."),
        Column("rows", COUNT, "How many rows the segment has.", least=0),
        Column("first", BYTES, "The key of its first row."),
        Column("last", BYTES, "The key of its last row."),
    ),
)

TOMBSTONES = Table(
    "tombstones",
    "Objects condemned by a collection: no commit may refer to them any more.",
    (
        Column("name", TEXT, "The pack's name, or the object's key for anything else."),
        Column("kind", TEXT, "What it is.", among=("pack", "object")),
        Column("time", TIME, "When it was condemned."),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    "What people say of datasets, snapshots and files; the last row for a target and key is what holds.",
    (
        Column("dataset", TEXT, "The dataset it speaks of."),
        Column("snapshot", TEXT, "The snapshot's digest, when it speaks of one version.", nullable=True),
        Column("path", TEXT, "The file's path, when it speaks of a file.", nullable=True),
        Column("key", TEXT, "What is said: a key, or a tag."),
        Column(
            "type",
            TEXT,
            "The value's type; removed takes the key back.",
            among=("tag", "text", "number", "boolean", "time", "removed"),
        ),
        Column("text", TEXT, "The value as text.", nullable=True),
        Column("number", pa.float64(), "The value of a number or a boolean.", nullable=True),
        Column("moment", TIME, "The value of a time.", nullable=True),
        Column("time", TIME, "When it was said."),
        Column("author", TEXT, "Who said it."),
    ),
)

TABLES = (
    ANNOTATIONS,
    CHUNKS,
    ENTRIES,
    *KEPT,
    PACKS,
    PROBLEMS,
    *provenance.PROV_TABLES,
    RANGES,
    RETENTION,
    SESSIONS,
    SNAPSHOTS,
    TOMBSTONES,
    UNFINISHED,
    *VALIDATION_TABLES,
)
