"""CRAM: its definition, containers, blocks and slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.validators import Limits, validate

from ..format_contract import FormatContract, errors_of
from .alignments import HEAD
from .crams import END, block, container, cram, data_blocks, definition, header_container, slice_block

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


class TestCram(FormatContract):
    format = "cram"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.cram"
        path.write_bytes(cram(container(*data_blocks())))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        # The minor version, and what the file calls itself, have no checksum.
        return set(range(6, 26))


def look(folder: Path, data: bytes, limits: Limits | None = None) -> Report:
    """What is found in a file."""
    path = folder / "one.cram"
    path.write_bytes(data)
    return validate(path, format="cram", limits=limits)


COMPRESSION, SLICE, CORE, EXTERNAL = data_blocks()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (container(*data_blocks(), landmarks=(3,)), "cram.landmarks"),
        (container(*data_blocks(), landmarks=()), "cram.landmarks"),
        (container(*data_blocks(), count=5), "cram.blocks"),
        (container(*data_blocks(), b"more"), "cram.blocks"),
        (container(*data_blocks(), records=3), "cram.slice.records"),
        (container(*data_blocks(), records=-3), "cram.container"),
        (container(*data_blocks(), length=100_000), "cram.truncated"),
        (container(*data_blocks(slice_block(reference=1)), reference=0), "cram.slice.reference"),
        (container(*data_blocks(slice_block(reference=9)), reference=9), "cram.slice.reference"),
        (container(*data_blocks(slice_block(span=200_000)), span=200_000), "cram.slice.range"),
        (container(*data_blocks(slice_block(start=5, span=100))), "cram.slice.range"),
        (container(*data_blocks(slice_block(blocks=3))), "cram.slice.blocks"),
        (container(*data_blocks(slice_block(numbers=(0, 8)))), "cram.slice.blocks"),
        (container(*data_blocks(slice_block(embedded=3))), "cram.slice.blocks"),
        (container(*data_blocks(slice_block(method=1))), "cram.slice"),
        (container(*data_blocks(block(2, b"\0"))), "cram.slice"),
        (container(SLICE, CORE, EXTERNAL, landmarks=(0,)), "cram.compression"),
        (container(COMPRESSION, SLICE, EXTERNAL, CORE), "cram.slice.blocks"),
        (container(COMPRESSION, SLICE, CORE, block(4, b"x", number=7, method=5)), "cram.block.method"),
        (container(COMPRESSION, SLICE, CORE, block(4, b"x", number=7, method=99)), "cram.block.method"),
        (container(COMPRESSION, SLICE, CORE, block(4, b"x", number=7, size=2)), "cram.block.size"),
        (container(COMPRESSION, SLICE, CORE, block(4, b"x" * 9, number=7, method=1, size=8)), "cram.block.size"),
        (container(COMPRESSION, SLICE, CORE, block(4, b"x", number=7, method=2)), "cram.block.size"),
        (container(COMPRESSION, SLICE, block(5, b"", number=2), EXTERNAL), "cram.block.number"),
        (container(COMPRESSION, SLICE, CORE, EXTERNAL, block(3, b"")), "cram.block.kind"),
    ],
)  # fmt: skip
def test_each_rule_of_containers_blocks_and_slices(tmp_path: Path, given: bytes, code: str) -> None:
    report = look(tmp_path, cram(given))
    assert code in errors_of(report)
    first = next(row for row in report.findings.to_pylist() if row["code"] == code)
    assert first["offset"] >= len(definition() + header_container())
    assert "check.crashed" not in report.counts


def test_every_version_has_its_methods_and_its_end(tmp_path: Path) -> None:
    for major, minor in ((2, 1), (3, 0), (3, 1)):
        given = cram(container(*data_blocks(major=major), major=major), major=major, minor=minor)
        assert not look(tmp_path, given).counts
        assert errors_of(look(tmp_path, given[: -len(END[major])])) == {"cram.end"}
    newer = container(COMPRESSION, SLICE, CORE, block(4, b"x", number=7, method=8))
    assert not look(tmp_path, cram(newer, minor=1)).counts
    assert errors_of(look(tmp_path, cram(minor=2))) == {"cram.version"}
    assert errors_of(look(tmp_path, definition(4) + b"x")) == {"cram.version"}


def test_checksums_are_held_against_what_they_cover(tmp_path: Path) -> None:
    whole = cram(container(*data_blocks()))
    at = len(definition() + header_container())
    for place, code in ((at + 5, "cram.container.checksum"), (len(whole) - 60, "cram.block.checksum")):
        changed = bytearray(whole)
        changed[place] ^= 1
        assert code in errors_of(look(tmp_path, bytes(changed)))


def test_the_header_is_held_against_the_rules_of_sam(tmp_path: Path) -> None:
    def with_header(given: bytes) -> set[str]:
        return errors_of(look(tmp_path, definition() + given + END[3]))

    assert with_header(header_container(("@SQ\tSN:a",))) == {"sam.header.missing"}
    assert with_header(header_container(padding=bytes(500))) == set()
    assert with_header(header_container(padding=b"\0x")) == {"cram.header.padding"}
    assert with_header(container(block(0, b"\xff\0\0\0short"), landmarks=())) == {"cram.header"}
    assert with_header(container(block(4, b"", number=1), landmarks=())) == {"cram.header"}
    assert with_header(b"") == {"cram.header"}
    assert HEAD[0].startswith("@HD")


def test_a_count_of_records_that_is_not_so_is_a_warning(tmp_path: Path) -> None:
    report = look(tmp_path, cram(container(*data_blocks()), container(*data_blocks(), counter=5)))
    assert report.ok
    assert report.counts == {"cram.counter": 1}


def test_what_follows_the_end_is_told(tmp_path: Path) -> None:
    assert errors_of(look(tmp_path, cram() + b"more")) == {"cram.trailing"}


def test_no_container_is_read_that_is_longer_than_the_limits(tmp_path: Path) -> None:
    given = container(COMPRESSION, SLICE, CORE, block(4, bytes(50_000), number=7))
    assert errors_of(look(tmp_path, cram(given), Limits(memory=10_000))) == {"cram.truncated"}
    bomb = container(COMPRESSION, SLICE, CORE, block(4, bytes(5_000_000), number=7, method=1, size=100))
    assert errors_of(look(tmp_path, cram(bomb))) == {"cram.block.size"}
