"""``.npy``: one array with a header of text, and nothing that would show damage."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from holotype.validators import FORMATS, ValueRules, array_checks, validate

from ..format_contract import FormatContract, errors_of
from .looking import only

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


class TestNpy(FormatContract):
    format = "npy"

    def make(self, folder: Path) -> Path:
        path = folder / "signal.npy"
        np.save(path, np.arange(60.0).reshape(3, 20))
        return path


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def look(data: bytes, **options: Any) -> Report:
    return validate(io.BytesIO(data), name="x.npy", **options)


def with_header(text: str, data: bytes = b"", version: int = 1) -> bytes:
    raw = text.encode()
    length = len(raw).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + raw + data


def described(descr: object, shape: object = (2,)) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape})
    return with_header(text.ljust(117 if len(text) < 118 else 309) + "\n", b"\0" * 16)


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, min_side=0)))
def test_every_array_that_numpy_saves_is_sound_with_figures_of_its_content(array: np.ndarray[Any, Any]) -> None:
    report = look(saved(array))
    assert report.ok, report.findings.to_pylist()
    assert report.metric("array.values") == array.size
    if array.dtype.kind == "f":
        assert report.metric("array.nan") == np.count_nonzero(np.isnan(array))
        assert report.metric("array.infinite") == np.count_nonzero(np.isinf(array))


def test_records_are_counted_field_by_field() -> None:
    kind = np.dtype([("time", "<f8"), ("where", [("x", "<i2"), ("y", ">f4", (3,))]), ("name", "S4")])
    array = np.zeros(1000, kind)
    array["where"]["y"][3, 1] = np.nan
    array["where"]["x"][7] = -5
    report = look(saved(array))
    assert report.ok
    assert report.metric("array.nan", of="where.y") == 1
    assert report.metric("array.least", of="where.x") == -5


def test_a_shape_of_a_billion_rows_is_held_against_the_bytes_that_there_are() -> None:
    row = only(look(described("<f8", (10**9, 10**9))))
    assert (row["code"], row["offset"], row["seen"], row["expected"]) == ("npy.truncated", 128, "16", str(8 * 10**18))


@pytest.mark.parametrize("shape", [(-1, -2), (2.0,), [2], 2, (True,), (1,) * 65, None])
def test_a_shape_is_a_tuple_of_numbers_that_are_not_negative(shape: object) -> None:
    assert only(look(described("<f8", shape)))["code"] == "npy.shape"


def test_bytes_after_the_data_are_noticed_where_they_begin() -> None:
    row = only(look(described("<f8", (1,))))
    assert (row["code"], row["offset"]) == ("npy.trailing", 136)


@pytest.mark.parametrize(
    "descr", ["<f99", "<q9", "i4,f8", "__import__('os')", 7, [], [("a",)], [("a", "<f8"), ("a", "<f8")]]
)
def test_a_data_type_that_numpy_does_not_have_is_refused(descr: object) -> None:
    row = only(look(described(descr)))
    assert (row["code"], row["column"]) == ("npy.descr", "descr")


def test_python_objects_are_never_unpickled() -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return pytest.fail, ("it was loaded",)

    report = look(saved(np.array([Evil()], dtype=object)))
    assert (only(report)["code"], only(report)["severity"]) == ("npy.objects", "warning"), "as any other pickle"
    assert not report.complete


@pytest.mark.parametrize(
    "text", ["{'descr': '<f8', 'shape': (2,)}\n", "{}\n", "[1]\n", "(" * 5000 + "\n", "{'descr': open('x')}\n", "\0\n"]
)
def test_a_header_that_is_no_such_dictionary_is_refused(text: str) -> None:
    row = only(look(with_header(text)))
    assert (row["code"], row["offset"]) == ("npy.header", 10)


def test_a_header_longer_than_any_is_not_read() -> None:
    data = b"\x93NUMPY\x02\0" + (1 << 31).to_bytes(4, "little")
    assert only(look(data))["code"] == "npy.header"


def test_an_order_that_is_neither_and_a_header_without_newline_are_both_told() -> None:
    data = with_header(repr({"descr": "<f8", "fortran_order": 1, "shape": (2,)}).ljust(118), b"\0" * 16)
    report = look(data)
    assert [row["offset"] for row in report.findings.to_pylist()] == [10, 127]


def test_data_that_are_not_aligned_are_allowed_and_told() -> None:
    data = with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}\n", b"\0" * 16)
    report = look(data)
    assert report.ok
    assert report.codes == {"npy.alignment"}


def test_truth_values_are_0_or_1_and_text_is_unicode() -> None:
    truth = bytearray(saved(np.zeros(9, bool)))
    truth[-3] = 2
    assert (only(look(bytes(truth)))["code"], only(look(bytes(truth)))["row"]) == ("array.boolean", 6)
    text = bytearray(saved(np.array(["ab", "cd"])))
    text[-1] = 0x7F
    assert (only(look(bytes(text)))["code"], only(look(bytes(text)))["row"]) == ("array.text", 1)


def test_rules_about_numbers_are_held_on_request_with_the_place_of_each() -> None:
    array = np.zeros(300_000)
    array[250_000], array[250_007], array[4] = np.nan, np.inf, 99
    rules = array_checks(values=ValueRules(finite=True, least=0, most=10))
    report = look(saved(array), checks=rules)
    assert {(row["code"], row["row"]) for row in report.findings.to_pylist()} == {
        ("array.out_of_range", 4),
        ("array.not_finite", 250_000),
        ("array.not_finite", 250_007),
    }
    assert look(saved(array)).ok


def test_of_a_million_wrong_numbers_some_are_kept_and_all_are_counted() -> None:
    report = look(saved(np.full(1_000_000, np.nan, "f4")), checks=array_checks(values=ValueRules(finite=True)))
    assert report.counts["array.not_finite"] == 1_000_000
    assert len(report.findings) == 100


def test_a_packed_array_is_looked_at_as_well(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "x.npy.gz"
    path.write_bytes(gzip.compress(saved(np.arange(1000))))
    report = validate(path)
    assert report.ok
    assert report.metric("array.most") == 999
    path.write_bytes(gzip.compress(saved(np.arange(1000))[:-1]))
    assert errors_of(validate(path)) == {"npy.truncated"}


def test_a_sample_of_a_long_array_is_told_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "long.npy"
    np.save(path, np.zeros(9 << 20))
    report = validate(path, cost="sample")
    assert report.ok
    assert not report.complete


def test_the_format_promises_nothing_about_its_content() -> None:
    assert FORMATS["npy"].grade == "none"
