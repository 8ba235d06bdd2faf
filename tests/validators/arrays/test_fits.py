"""FITS: cards of 80 characters in blocks of 2880 bytes, and data behind them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype.validators import validate

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path


def card(keyword: str, value: object) -> bytes:
    told = f"'{value:<8}'" if isinstance(value, str) else f"{'FT'[value] if isinstance(value, bool) else value!s:>20}"
    return f"{keyword:<8}= {told:<20} / about it".ljust(80).encode()


def unit(cards: dict[str, object], data: bytes = b"", fill: bytes = b"\0") -> bytes:
    head = b"".join(card(*each) for each in cards.items()) + b"END".ljust(80)
    return head + b" " * (-len(head) % 2880) + data + fill * (-len(data) % 2880)


IMAGE: dict[str, object] = {"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": 5, "NAXIS2": 4}
PIXELS = np.arange(20, dtype=">f4").tobytes()
TABLE: dict[str, object] = {
    "XTENSION": "BINTABLE",
    "BITPIX": 8,
    "NAXIS": 2,
    "NAXIS1": 15,
    "NAXIS2": 3,
    "PCOUNT": 0,
    "GCOUNT": 1,
    "TFIELDS": 4,
    "TFORM1": "J",
    "TFORM2": "2E",
    "TFORM3": "2A",
    "TFORM4": "5X",
}
ROWS = np.array([(i, (i, np.nan), b"ab", 1) for i in range(3)], ">i4,(2,)>f4,S2,u1").tobytes()


def summed(cards: dict[str, object], data: bytes) -> bytes:
    """A unit with both sums, as the standard's appendix J makes them."""

    def total(part: bytes) -> int:
        found = sum(int.from_bytes(part[at : at + 4], "big") for at in range(0, len(part), 4))
        while found >> 32:
            found = (found & 0xFFFFFFFF) + (found >> 32)
        return found

    padded = data + b"\0" * (-len(data) % 2880)
    cards = {**cards, "DATASUM": str(total(padded)), "CHECKSUM": "0" * 16}
    made = unit(cards, data)
    wanted = 0xFFFFFFFF - total(made)
    columns: list[list[int]] = []
    for place in (24, 16, 8, 0):
        byte = wanted >> place & 255
        four = [byte // 4 + 48] * 4
        four[0] += byte % 4
        while any(58 <= each <= 64 or 91 <= each <= 96 for each in four):
            for pair in (0, 2):
                if any(58 <= each <= 64 or 91 <= each <= 96 for each in four[pair : pair + 2]):
                    four[pair] += 1
                    four[pair + 1] -= 1
        columns.append(four)
    text = bytes(columns[column][row] for row in range(4) for column in range(4))
    text = text[-1:] + text[:-1]
    return made.replace(b"0" * 16, text)


class TestFits(FormatContract):
    format = "fits"

    def make(self, folder: Path) -> Path:
        path = folder / "sky.fits"
        path.write_bytes(unit(IMAGE, PIXELS) + unit(TABLE, ROWS))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return size == 5760  # the image is a file of its own


def test_images_and_tables_have_figures_column_by_column() -> None:
    report = look(unit(IMAGE, PIXELS) + unit(TABLE, ROWS), "fits")
    assert rows(report) == []
    assert report.metric("array.most", of="HDU 0") == 19
    assert report.metric("array.nan", of="HDU 1:2") == 3
    assert report.metric("array.most", of="HDU 1:1") == 2


def test_with_checksums_every_byte_that_is_changed_is_noticed() -> None:
    data = summed(IMAGE, PIXELS)
    assert rows(look(data, "fits")) == []
    for place in (700, 2879, 2880, 2900, 2958, 2962, 5759):
        report = look(patched(data, place, bytes([data[place] ^ 4])), "fits")
        assert "fits.checksum" in errors_of(report), place
        assert ("fits.datasum" in errors_of(report)) == (place >= 2880)


def changed(old: str, new: str) -> bytes:
    data = unit(IMAGE, PIXELS) + unit(TABLE, ROWS)
    assert old.encode() in data
    return data.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("old", "new", "code", "member"),
    [
        ("BITPIX  =                  -32", "BITPIX  =                  -33", "fits.keyword", "HDU 0"),
        ("BITPIX  =                  -32", "BITPIX  = 'ab'                ", "fits.keyword", "HDU 0"),
        ("NAXIS   =                    2", "NAXIS   =                    3", "fits.keyword", "HDU 0"),
        ("NAXIS   =                    2", "NAXIS   =                   -2", "fits.keyword", "HDU 0"),
        ("NAXIS1  =                    5", "NAXIS1  =                   -5", "fits.keyword", "HDU 0"),
        ("NAXIS1  =                    5", "NAXIS1  =         999999999999", "fits.truncated", "HDU 0"),
        ("SIMPLE  =                    T", "SIMPLE  =                    1", "fits.keyword", "HDU 0"),
        ("NAXIS1  =                   15", "NAXIS1  =                   16", "fits.column", "HDU 1"),
        ("TFORM2  = '2E      '", "TFORM2  = '2Y      '", "fits.column", "HDU 1"),
        ("TFORM2  = '2E      '", "TFORM2  = '999999E '", "fits.column", "HDU 1"),
        ("TFIELDS =                    4", "TFIELDS =          99999999999", "fits.column", "HDU 1"),
        ("PCOUNT  =                    0", "PCOUNT  =                   -1", "fits.keyword", "HDU 1"),
        ("about it", "about\tit", "fits.card", "HDU 0"),
        ("NAXIS2  =                    4", "naxis2  =                    4", "fits.card", "HDU 0"),
        ("TFORM2  = '2E      '", "TFORM2  = '2E      ", "fits.card", "HDU 1"),
        ("END" + " " * 77 + " ", "END" + " " * 77 + "x", "fits.padding", "HDU 0"),
    ],
)
def test_what_cannot_be_in_a_header_is_told_with_its_unit(old: str, new: str, code: str, member: str) -> None:
    report = look(changed(old, new), "fits")
    assert (code, member) in {(row["code"], row["member"]) for row in rows(report)}, rows(report)


def test_a_card_has_its_place() -> None:
    row = rows(look(changed("NAXIS2  =                    4", "NAXIS2  =                   4;"), "fits"))[0]
    assert (row["code"], row["offset"], row["column"]) == ("fits.card", 320, "NAXIS2")


def test_a_keyword_that_is_there_twice_is_suspicious() -> None:
    data = unit(IMAGE, PIXELS).replace(b"END".ljust(80) + b" " * 80, card("NAXIS2", 4) + b"END".ljust(80), 1)
    report = look(data, "fits")
    assert report.ok
    assert only(report)["code"] == "fits.keyword_twice"


def test_data_are_filled_up_with_zeros_to_whole_blocks() -> None:
    row = only(look(unit(IMAGE, PIXELS, b"x"), "fits"))
    assert (row["code"], row["offset"]) == ("fits.padding", 2960)
    assert errors_of(look(unit(IMAGE, PIXELS)[:2960], "fits")) == {"fits.truncated"}


def test_what_follows_the_last_data_is_told_where_it_begins() -> None:
    row = only(look(unit(IMAGE, PIXELS) + b"more", "fits"))
    assert (row["code"], row["offset"]) == ("fits.trailing", 5760)


def test_random_groups_are_as_long_as_they_say() -> None:
    groups: dict[str, object] = {
        "SIMPLE": True,
        "BITPIX": 16,
        "NAXIS": 2,
        "NAXIS1": 0,
        "NAXIS2": 10,
        "GROUPS": True,
        "PCOUNT": 2,
        "GCOUNT": 3,
    }
    assert rows(look(unit(groups, bytes(72)), "fits")) == []


def test_packed_files_are_looked_at_as_well(tmp_path: Path) -> None:
    path = tmp_path / "sky.fits.gz"
    path.write_bytes(gzip.compress(summed(IMAGE, PIXELS)))
    assert rows(validate(path)) == []
