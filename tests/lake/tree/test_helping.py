"""Files that somebody began before are replaced by whole ones; whatever else is there is not."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from .test_placing import entry, everything, table
from .trees import placing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

catalog: Any = import_module("holotype.catalog")
targets: Any = import_module("holotype.lake.restoring.targets")
workshops: Any = import_module("holotype.lake.restoring.workshop")


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Any]:
    """The workshop of a target, which keeps nothing when all is done."""
    (tmp_path / "target").mkdir()
    made = workshops.Workshop.make(os.fsencode(tmp_path / "target"))
    yield made
    assert os.listdir(tmp_path / "target" / os.fsdecode(made.name)) == []
    made.remove()
    assert not [name for name in everything(tmp_path) if "holotype" in name]


def helper(workshop: Any, problems: list[Any] | None = None, *, again: bool = False) -> Any:
    """A placer of somebody who helps."""
    told = None if problems is None else problems.append
    return placing.Placer(workshop.target, on_problem=told, workshop=workshop, again=again)


def test_a_batch_knows_that_it_was_begun_before(workshop: Any) -> None:
    assert not workshop.begin(7)
    assert workshop.begin(7)
    workshop.check(7)
    workshop.end(7)
    with pytest.raises(catalog.TargetRefused):
        workshop.check(7)
    with pytest.raises(catalog.StorageFailed):
        workshop.end(7)


def test_when_it_is_gone_nobody_begins(tmp_path: Path) -> None:
    made = workshops.Workshop.make(os.fsencode(tmp_path))
    made.begin(1)
    made.dismiss()
    with pytest.raises(catalog.TargetRefused):
        made.begin(2)
    made.dismiss()
    with pytest.raises(catalog.StorageFailed):
        made.remove()
    with pytest.raises(catalog.StorageFailed):
        workshops.Workshop.make(os.fsencode(tmp_path / "nowhere"))


def test_who_is_first_replaces_nothing(tmp_path: Path, workshop: Any) -> None:
    problems: list[Any] = []
    (tmp_path / "target/a").write_bytes(b"mine")
    with helper(workshop, problems) as placer:
        assert not placer.place_small(entry(b"a"), b"evil")
        assert placer.place_file(entry(b"a", size=4)) is None
    assert [(one.path, one.problem) for one in problems] == [(b"a", "skipped")] * 2
    assert (tmp_path / "target/a").read_bytes() == b"mine"


def test_what_was_begun_before_is_replaced(tmp_path: Path, workshop: Any) -> None:
    problems: list[Any] = []
    (tmp_path / "target/sub").mkdir()
    for name in ("sub/small", "sub/large", "sparse"):
        (tmp_path / "target" / name).write_bytes(b"half")
    with helper(workshop, problems, again=True) as placer:
        assert placer.place_small(entry(b"sub/small", mode=0o400), b"whole")
        assert placer.place_small(entry(b"sub/new"), b"new")
        with placer.place_file(entry(b"sub/large", size=10)) as writer:
            writer.write(b"01234")
            writer.write(b"56789")
        with placer.place_file(entry(b"sparse", size=1 << 20, holes=[0, (1 << 20) - 3])) as writer:
            writer.write(b"end")
    assert problems == []
    found = {name: (tmp_path / "target" / name).read_bytes() for name in ("sub/small", "sub/new", "sub/large")}
    assert found == {"sub/small": b"whole", "sub/new": b"new", "sub/large": b"0123456789"}
    assert (tmp_path / "target/sparse").stat().st_size == 1 << 20
    status = (tmp_path / "target/sub/small").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o400, 10**18)


def test_a_replacement_that_fails_leaves_what_was_there(tmp_path: Path, workshop: Any) -> None:
    (tmp_path / "target/a").write_bytes(b"half")
    with (
        helper(workshop, again=True) as placer,
        pytest.raises(ZeroDivisionError),
        placer.place_file(entry(b"a", size=2)) as writer,
    ):
        writer.write(b"x" * (1 // 0))
    assert (tmp_path / "target/a").read_bytes() == b"half"


@pytest.mark.parametrize("end", [b"le!", None])
def test_whoever_only_seemed_dead_takes_no_other_file_away(tmp_path: Path, workshop: Any, end: bytes | None) -> None:
    """A second worker finds a half file and puts a whole one in its place; the first one goes on, or fails."""
    with helper(workshop) as slow, helper(workshop, again=True) as second, ExitStack() as going:
        writer = going.enter_context(slow.place_file(entry(b"a", size=6)))
        writer.write(b"who")
        assert second.place_small(entry(b"a"), b"whole!")
        if end is None:
            writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
            going.pop_all()
        else:
            writer.write(end)
    assert (tmp_path / "target/a").read_bytes() == b"whole!"


def test_a_small_file_of_the_seemingly_dead(tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with helper(workshop) as slow, helper(workshop, again=True) as second:

        def write(fd: int, data: Any) -> int:
            monkeypatch.undo()
            real(fd, b"half")
            assert second.place_small(entry(b"a"), b"whole!")
            raise catalog.StorageFailed("the line is dead")

        monkeypatch.setattr(placing.os, "write", write)
        with pytest.raises(catalog.StorageFailed, match="the line is dead"):
            slow.place_small(entry(b"a"), b"whole!")
    assert (tmp_path / "target/a").read_bytes() == b"whole!"


def test_links_and_folders_are_not_replaced_nor_followed(tmp_path: Path, workshop: Any) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    problems: list[Any] = []
    with helper(workshop, problems, again=True) as placer:
        placer.place(
            table(
                entry(b"door", "symlink", target=b".."),
                entry(b"folder", "directory"),
                entry(b"link", "symlink", target=b"../outside"),
            )
        )
        for name in (b"link", b"folder"):
            assert not placer.place_small(entry(name), b"evil")
            assert placer.place_file(entry(name)) is None
        with pytest.raises(catalog.UnsafePath):
            placer.place_small(entry(b"door/outside"), b"evil")
    assert [(one.path, one.problem) for one in problems] == [(b"link", "skipped")] * 2 + [(b"folder", "skipped")] * 2
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_another_name_that_the_file_system_takes_for_the_same_is_a_problem_also_then(
    tmp_path: Path, workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, call in (("open", os.open), ("stat", os.stat), ("replace", os.replace)):

        def folded(path: Any, *arguments: Any, real: Any = call, **options: Any) -> Any:
            inside = options.get("dir_fd") is not None and isinstance(path, bytes)
            return real(path.lower() if inside else path, *arguments, **options)

        monkeypatch.setattr(targets.os, name, folded)
    problems: list[Any] = []
    with helper(workshop, problems, again=True) as placer:
        assert placer.place_small(entry(b"data"), b"first")
        assert not placer.place_small(entry(b"DATA"), b"other")
        assert placer.place_small(entry(b"data"), b"again")
    assert [(one.path, one.problem) for one in problems] == [(b"DATA", "skipped")]
    assert "same" in problems[0].message
    assert (tmp_path / "target/data").read_bytes() == b"again"
