"""Structured lines of a VCF header, ``##INFO=<ID=DP,Number=1,…>``: taken apart, and held against what is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import vcfcodes as codes
from .vcfcodes import mild
from .vcfspec import reserved_format, reserved_info

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..findings import Code
    from .vcfspec import Field, Version

__all__ = ["Meta", "Telling", "check_meta", "check_url", "parts_of"]


@dataclass(frozen=True)
class Meta:
    """One structured line: its kind (``INFO``), its fields in their order, and which of them are quoted."""

    kind: str
    line: int
    fields: Mapping[str, str]
    quoted: frozenset[str]


@dataclass(frozen=True)
class Telling:
    """How a line is told of: the code, what is wrong, and what is seen."""

    add: Callable[..., None]
    version: Version
    line: int
    kind: str

    def __call__(self, code: Code, message: str, *, seen: object = None, expected: object = None) -> None:
        self.add(code, message, line=self.line, column=self.kind, seen=seen, expected=expected)


_KEY = re.compile(r'([^\s=,<>"]+)=')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BRACKETS = re.compile(r"\[[^\]]*\]")
_PLAIN = re.compile(r"[^,]*")


def parts_of(text: str) -> tuple[dict[str, str], frozenset[str], str | None]:
    """The fields of ``<key=value,…>``, those that are quoted, and what keeps it from being that."""
    if not text.endswith(">") or len(text) < 2:
        return {}, frozenset(), "it is not closed by >"
    body, place = text[1:-1], 0
    fields: dict[str, str] = {}
    quoted: set[str] = set()
    while True:
        key = _KEY.match(body, place)
        if key is None:
            return fields, frozenset(quoted), f"there is no key=value at {body[place : place + 20]!r}"
        name, place = key[1], key.end()
        if name in fields:
            return fields, frozenset(quoted), f"{name} is there twice"
        if body.startswith('"', place):
            found = _QUOTED.match(body, place)
            if found is None:
                return fields, frozenset(quoted), f"the quote of {name} is not closed"
            fields[name] = re.sub(r'\\(["\\])', r"\1", found[1])
            quoted.add(name)
        else:
            found = _BRACKETS.match(body, place) or _PLAIN.match(body, place)
            assert found is not None  # the second matches nothing as well
            fields[name] = found[0]
        place = found.end()
        if place == len(body):
            return fields, frozenset(quoted), None
        if body[place] != ",":
            return fields, frozenset(quoted), f"after {name} comes {body[place : place + 20]!r} and no comma"
        place += 1


_REQUIRED = {
    "INFO": ("ID", "Number", "Type", "Description"),
    "FORMAT": ("ID", "Number", "Type", "Description"),
    "FILTER": ("ID", "Description"),
    "ALT": ("ID", "Description"),
}
_SAMPLE_OLD = ("ID", "Genomes", "Mixture", "Description")
_META = ("ID", "Type", "Number", "Values")
_TYPES = ("Integer", "Float", "Flag", "Character", "String")
_CONTIG_NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
_CONTIG_OLD = re.compile(r"[^\s,:<>]+")
_INFO_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*|1000G")
_FORMAT_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")
_GENOME = re.compile(r"[0-9A-Za-z_.-]+")
_FIRST_LEVEL = frozenset(("DEL", "INS", "DUP", "INV", "CNV"))
_IUPAC = frozenset("RYSWKMBDHVN")


def check_meta(meta: Meta, tell: Telling) -> None:
    """Tell what is wrong with a line whose kind the specification defines."""
    required = _required(meta.kind, tell.version)
    _check_required(meta, required, tell)
    if "Number" in meta.fields:
        _check_number(meta, tell)
    if "Type" in meta.fields:
        _check_type(meta, tell)
    _check_quotes(meta, tell)
    name = meta.fields.get("ID")
    if name is not None:
        _NAMED.get(meta.kind, _any_name)(name, meta, tell)
    if meta.kind == "PEDIGREE" and tell.version < (4, 3):
        for key, value in meta.fields.items():
            if not _GENOME.fullmatch(value):
                tell(codes.PEDIGREE, f"{key} names no genome: letters, digits and _ . - may stand there", seen=value)


def _required(kind: str, version: Version) -> Sequence[str]:
    if kind == "SAMPLE":
        return _SAMPLE_OLD if version < (4, 3) else ("ID",)
    if kind == "META":
        return _META if version >= (4, 3) else ()
    if kind == "PEDIGREE":
        return ("ID",) if version >= (4, 3) else ()
    return _REQUIRED.get(kind, ("ID",))


def _check_required(meta: Meta, required: Sequence[str], tell: Telling) -> None:
    missing = [
        key for key in required if not meta.fields.get(key) and not (key == "Description" and key in meta.fields)
    ]
    if "ID" in missing:
        tell(codes.MISSING_ID, f"a line of the kind {meta.kind} has no ID")
    for key in missing:
        if key != "ID":
            tell(codes.REQUIRED, f"a line of the kind {meta.kind} has no {key}", expected=",".join(required))
    there = [key for key in meta.fields if key in required]
    first = list(meta.fields)[: len(there)]
    if meta.kind not in ("contig", "META") and not missing and first != list(required):
        code = codes.ORDER if tell.version < (4, 4) else mild(codes.ORDER)
        tell(code, "the required fields do not come first, in their order", seen=",".join(meta.fields),
             expected=",".join(required))  # fmt: skip


def _check_number(meta: Meta, tell: Telling) -> None:
    value = meta.fields["Number"]
    letters = ["A", "G", "."]
    if tell.version >= (4, 2):
        letters.append("R")
    if meta.kind == "FORMAT":
        letters += ["P"] if tell.version >= (4, 4) else []
        letters += ["LA", "LR", "LG", "M"] if tell.version >= (4, 5) else []
    if value not in letters and not re.fullmatch(r"[0-9]{1,9}", value):
        tell(codes.NUMBER, f"Number={value} is neither a count nor a letter of this version", seen=value,
             expected="a count, " + ", ".join(letters))  # fmt: skip
    if meta.fields.get("Type") == "Flag" and value != "0":
        code = codes.NUMBER if tell.version >= (4, 3) else mild(codes.NUMBER)
        tell(code, "a Flag has no value: its Number is 0", seen=value, expected="0")
    if value == "0" and meta.fields.get("Type") not in ("Flag", None) and meta.kind in ("INFO", "FORMAT"):
        tell(mild(codes.NUMBER), "Number=0 is a Flag's", seen=meta.fields.get("Type"), expected="Flag")


def _check_type(meta: Meta, tell: Telling) -> None:
    allowed = [each for each in _TYPES if meta.kind != "FORMAT" or each != "Flag"]
    if meta.fields["Type"] not in allowed:
        tell(codes.TYPE, f"there is no Type {meta.fields['Type']} for {meta.kind}", seen=meta.fields["Type"],
             expected=", ".join(allowed))  # fmt: skip


def _check_quotes(meta: Meta, tell: Telling) -> None:
    old_sample = meta.kind == "SAMPLE" and tell.version < (4, 3)
    for key, value in meta.fields.items():
        if key == "Description" and key not in meta.quoted and not old_sample:
            tell(codes.QUOTES, "the Description is not in double quotes", seen=value)
        elif key in meta.quoted and (key in ("ID", "Number", "Type") or (old_sample and key != "Description")):
            tell(codes.QUOTES, f"{key} stands in quotes, which only text may", seen=value)
        elif key not in meta.quoted and '"' in value and not value.startswith("["):
            tell(codes.QUOTES, f"there is a double quote within {key}", seen=value)


def _info_name(name: str, meta: Meta, tell: Telling) -> None:
    legal = _INFO_NAME if tell.version >= (4, 3) else re.compile(r"[^\s;=,]+")
    if not legal.fullmatch(name):
        tell(codes.NAME, "a key of INFO has characters that it may not have", seen=name, expected=legal.pattern)
    _check_reserved(name, meta, tell, reserved_info(tell.version, name))


def _format_name(name: str, meta: Meta, tell: Telling) -> None:
    if not _FORMAT_NAME.fullmatch(name) and (tell.version >= (4, 3) or not name.isalnum()):
        tell(codes.NAME, "a key of FORMAT has characters that it may not have", seen=name,
             expected=_FORMAT_NAME.pattern)  # fmt: skip
    elif tell.version < (4, 3) and not name.isalnum():
        # GATK's own MIN_DP stands in any number of files of 4.2; from 4.3 on it is legal.
        tell(mild(codes.NAME), "a key of FORMAT is alphanumeric before 4.3", seen=name)
    _check_reserved(name, meta, tell, reserved_format(tell.version, name))


def _check_reserved(name: str, meta: Meta, tell: Telling, reserved: Field | None) -> None:
    if reserved is None:
        return
    number, kind = meta.fields.get("Number"), meta.fields.get("Type")
    # Where the specification leaves the number open, one that is fixed is no contradiction.
    if number is not None and reserved.number not in (number, ".", "?"):
        tell(codes.RESERVED, f"the Number of {name} is reserved", seen=number, expected=reserved.number)
    if kind is not None and reserved.type not in (kind, "?"):
        tell(codes.RESERVED, f"the Type of {name} is reserved", seen=kind, expected=reserved.type)


def _filter_name(name: str, meta: Meta, tell: Telling) -> None:
    del meta
    if name == "0" or re.search(r"[\s;,]", name):
        tell(codes.NAME, "a filter is not called 0, and has no white space, semicolon or comma", seen=name)


def _alt_name(name: str, meta: Meta, tell: Telling) -> None:
    del meta
    first = name.split(":", 1)[0]
    if re.search(r"[\s,<>]", name) or "" in name.split(":"):
        tell(codes.ALT_ID, "a symbolic allele has white space, a comma, a bracket or an empty part", seen=name)
    elif name == "NON_REF":
        tell(mild(codes.ALT_ID), "NON_REF is GATK's own name for <*>", seen=name, expected="*")
    elif not _first_level(first, name, tell.version):
        tell(codes.ALT_ID, "a symbolic allele begins with a type that there is not", seen=name,
             expected=", ".join(sorted(_FIRST_LEVEL)))  # fmt: skip


def _first_level(first: str, name: str, version: Version) -> bool:
    if version >= (4, 3) and (name in _IUPAC or (first == "BND" and version < (4, 5))):
        return True
    return first in _FIRST_LEVEL or name == "*"


def _contig_name(name: str, meta: Meta, tell: Telling) -> None:
    legal = _CONTIG_NAME if tell.version >= (4, 3) else _CONTIG_OLD
    if not legal.fullmatch(name):
        tell(codes.CONTIG, "a contig's name has characters that it may not have", seen=name, expected=legal.pattern)
    length = meta.fields.get("length")
    if length is not None and not re.fullmatch(r"[0-9]{1,18}", length):
        tell(codes.CONTIG, "a contig's length is a whole number", seen=length)
    checksum = meta.fields.get("md5")
    if checksum is not None and not re.fullmatch(r"[0-9A-Fa-f]{32}", checksum):
        tell(mild(codes.CONTIG), "an MD5 has 32 hexadecimal digits", seen=checksum)
    if "://" in meta.fields.get("URL", ""):
        check_url(meta.fields["URL"], tell)


def _any_name(name: str, meta: Meta, tell: Telling) -> None:
    if re.search(r"[<>]", name):
        tell(codes.NAME, f"the ID of {meta.kind} has angle brackets", seen=name)


_NAMED: Mapping[str, Callable[[str, Meta, Telling], None]] = {
    "INFO": _info_name,
    "FORMAT": _format_name,
    "FILTER": _filter_name,
    "ALT": _alt_name,
    "contig": _contig_name,
}

_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/@\s]*@)?(\[[0-9A-Fa-f:.]+\]|[^/:?#\s]*)(?::([0-9]{1,5}))?([/?#]\S*)?"
)
_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)
_ADDRESS = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")


def check_url(text: str, tell: Telling) -> None:
    """Tell of a URL that cannot be one; what has no scheme is only suspicious, for it may be a path."""
    if "://" not in text:
        tell(mild(codes.URL), "it has no scheme, so it is no URL", seen=text)
        return
    found = _URL.fullmatch(text)
    host = "" if found is None else found[2]
    # A name whose last label is a number cannot be told from an address (RFC 1123, 2.1).
    number = host.rstrip(".").rpartition(".")[2].isdigit()
    legal = host.startswith("[") or bool((_ADDRESS if number else _HOST).fullmatch(host))
    if found is None or not (legal or (found[1].lower() == "file" and not host)):
        tell(codes.URL, "it is no URL with a host that can be", seen=text)
