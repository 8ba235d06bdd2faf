"""The header of a VCF or BCF file: read, and held against the version it says it is of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import vcfcodes as codes
from .vcfcodes import mild
from .vcfmeta import Meta, Telling, check_meta, check_url, parts_of
from .vcfspec import VERSIONS, Field, reserved_format, reserved_info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .vcfspec import Version

__all__ = ["COLUMNS", "Header", "read_header"]

COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
_VERSION = re.compile(r"VCFv(\d)\.(\d)")
_DEFINED = frozenset(("INFO", "FORMAT", "FILTER", "ALT", "contig", "SAMPLE", "PEDIGREE"))


@dataclass
class Header:
    """What a header declares.  ``filters``, ``contigs`` (names and lengths) and the keys of ``indexed`` are in the
    order of their lines, which is how BCF refers to them.  ``width``: columns of a record, 0 where the names of the
    columns are missing.
    """

    version: Version = (4, 3)
    infos: dict[str, Field] = field(default_factory=dict)
    formats: dict[str, Field] = field(default_factory=dict)
    filters: set[str] = field(default_factory=lambda: {"PASS"})
    alts: set[str] = field(default_factory=set)
    contigs: dict[str, int | None] = field(default_factory=dict)
    samples: tuple[str, ...] = ()
    width: int = 0
    metas: list[Meta] = field(default_factory=list)


def read_header(lines: Sequence[bytes], add: Callable[..., None], *, first: int = 1) -> Header:
    """The header that these lines are, the names of the columns included; what is wrong is told to ``add``, which is
    ``Found.add``.  ``first``: the number of the first line.
    """
    header = Header()
    seen: set[tuple[str, str]] = set()
    for number, raw in enumerate(lines, first):
        line = _decoded(raw, number, header.version if number > first else (4, 1), add)
        if number == first:
            header.version = _version(line, number, add)
        elif line.startswith("##fileformat="):
            add(codes.FILEFORMAT, "there is another ##fileformat", line=number, seen=line)
        elif line.startswith("##"):
            _meta(line, number, header, seen, add)
        elif line.startswith("#"):
            _columns(line, number, header, add)
        elif line:
            add(codes.META, "a line before the columns' names does not begin with ##", line=number, seen=line)
        else:
            add(codes.BLANK, "there is an empty line in the header", line=number)
    _values(header, add)
    return header


def _decoded(raw: bytes, number: int, version: Version, add: Callable[..., None]) -> str:
    raw = raw.removesuffix(b"\r")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        code = codes.ENCODING if version >= (4, 3) else mild(codes.ENCODING)
        add(code, f"byte {error.start} of the line is no UTF-8", line=number, seen=raw[error.start :][:16])
        return raw.decode("utf-8", "surrogateescape").replace("\udc00", "?").encode("utf-8", "replace").decode()


def _version(line: str, number: int, add: Callable[..., None]) -> Version:
    if not line.startswith("##fileformat="):
        add(codes.FILEFORMAT, "the first line is not ##fileformat=", line=number, seen=line)
        return (4, 3)
    value = line.removeprefix("##fileformat=")
    found = _VERSION.fullmatch(value)
    if found is None:
        add(codes.FILEFORMAT, "it names no version", line=number, seen=value, expected="VCFv4.3")
        return (4, 3)
    version = (int(found[1]), int(found[2]))
    if value.removeprefix("VCFv") not in VERSIONS:
        add(codes.VERSION, "this version is not known", line=number, seen=value, expected=", ".join(VERSIONS))
    return min(max(version, (4, 1)), (4, 5))


def _meta(line: str, number: int, header: Header, seen: set[tuple[str, str]], add: Callable[..., None]) -> None:
    kind, equals, value = line[2:].partition("=")
    tell = Telling(add, header.version, number, kind or "##")
    if not equals or not kind or not value:
        tell(codes.META, "it is no ##key=value", seen=line, expected="##key=value")
        return
    if re.search(r"[\s<>]", kind):
        tell(mild(codes.META), "its key has white space or brackets", seen=kind)
    if kind in ("assembly", "pedigreeDB"):
        _link(kind, value, tell)
    elif value.startswith("<"):
        _structured(kind, value, tell, header, seen)
    elif kind in _DEFINED or (kind == "META" and header.version >= (4, 3)):
        tell(codes.STRUCTURE, f"a line of the kind {kind} is not <key=value,…>", seen=value)


def _link(kind: str, value: str, tell: Telling) -> None:
    if kind == "pedigreeDB" and value.startswith("<") and value.endswith(">"):
        value = value[1:-1]
    if value:
        check_url(value, tell)
    else:
        tell(codes.META, "it is no ##key=value: the URL is missing")


def _structured(kind: str, value: str, tell: Telling, header: Header, seen: set[tuple[str, str]]) -> None:
    fields, quoted, wrong = parts_of(value)
    defined = kind in _DEFINED or (kind == "META" and header.version >= (4, 3))
    new = header.version >= (4, 3)
    if wrong is not None:
        # Before 4.3 only what the specification defines has to have a structure; text in brackets is met later, too.
        strict = defined or (new and not re.fullmatch(r'<"[^"]*">', value))
        tell(codes.STRUCTURE if strict else mild(codes.STRUCTURE), wrong, seen=value)
        return
    meta = Meta(kind, tell.line, fields, quoted)
    if defined:
        check_meta(meta, tell)
    elif "ID" not in fields and new:
        tell(codes.MISSING_ID, "a structured line has no ID")
    name = fields.get("ID")
    if name is not None:
        if (kind, name) in seen:
            tell(codes.DUPLICATE_ID if new else mild(codes.DUPLICATE_ID), f"there is another {kind} {name}", seen=name)
        seen.add((kind, name))
        _declare(meta, name, header)
    header.metas.append(meta)


def _declare(meta: Meta, name: str, header: Header) -> None:
    match meta.kind:
        case "INFO" | "FORMAT":
            table = header.infos if meta.kind == "INFO" else header.formats
            reserved = (reserved_info if meta.kind == "INFO" else reserved_format)(header.version, name)
            told = Field(meta.fields.get("Number", "."), meta.fields.get("Type", "?"), least=_least(reserved))
            table.setdefault(name, told)
        case "FILTER":
            header.filters.add(name)
        case "ALT":
            header.alts.add(name)
        case "contig":
            length = meta.fields.get("length", "")
            header.contigs.setdefault(name, int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None)
        case _:
            pass


def _least(reserved: Field | None) -> bool:
    return reserved is not None and reserved.least


def _columns(line: str, number: int, header: Header, add: Callable[..., None]) -> None:
    names = line.split("\t")
    if tuple(names[:8]) != COLUMNS:
        place = next(
            (i for i, (one, other) in enumerate(zip(names, COLUMNS, strict=False)) if one != other), len(names)
        )
        seen = names[place] if place < len(names) else None
        expected = COLUMNS[min(place, 7)]
        add(codes.COLUMNS, "the columns' names are not the prescribed ones, with tabs between them", line=number,
            column=expected, seen=seen, expected=expected)  # fmt: skip
        if len(names) < 8:
            return
    header.width = len(names)
    if len(names) > 8 and names[8] != "FORMAT":
        add(codes.COLUMNS, "the ninth column is not FORMAT", line=number, column="FORMAT", seen=names[8])
    if len(names) == 9:
        add(codes.COLUMNS, "there is a column FORMAT, and no sample", line=number, column="FORMAT")
    header.samples = tuple(names[9:])
    once: set[str] = set()
    for place, name in enumerate(header.samples, 10):
        if not name or name.isspace():
            add(codes.SAMPLES, f"column {place} has no name", line=number, column=str(place))
        elif name in once:
            add(codes.SAMPLES, f"there is another sample {name}", line=number, column=name, seen=name)
        once.add(name)


def _values(header: Header, add: Callable[..., None]) -> None:
    """Hold the samples' values against those that META lines allow."""
    if header.version < (4, 3):
        return
    allowed = {
        meta.fields["ID"]: {each.strip() for each in meta.fields["Values"].strip("[]").split(",")}
        for meta in header.metas
        if meta.kind == "META" and meta.fields.get("Values", "").startswith("[") and "ID" in meta.fields
    }
    for meta in header.metas:
        if meta.kind == "SAMPLE":
            for key, value in meta.fields.items():
                if key in allowed and value not in allowed[key]:
                    add(codes.SAMPLE_VALUES, f"{key} has a value that is not declared", line=meta.line, column="SAMPLE",
                        seen=value, expected=", ".join(sorted(allowed[key])))  # fmt: skip
