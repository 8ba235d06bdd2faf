"""What a target cannot hold is told before anything is written, all of it; what then happens is asked for."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import EntryNotFound, SourceProblem, TargetUnfit
from holotype.lake.tree.naming import MACOS, POSIX, WINDOWS, same, unfit

from ...effort import share
from .trees import files, fill, look, new_archive, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.lake.tree.naming import Rules

    On = Callable[[Rules], None]

UNFIT: dict[Any, bytes | None] = {
    "NUL.txt": b"device",
    "a:b": b"stream",
    "aux/deep/x": b"in a device",
    "aux/y?": b"in a device, too",
    "end.": b"dot",
    b"latin-\xe9": b"no text",
    "x" * 200 + ".txt": b"fits",
    "fine": b"fine",
}
ALIKE: dict[Any, bytes | None] = {
    "Data/a": b"1",
    "Data/b": b"2",
    "data/A": b"3",
    "data/c": b"4",
    "README": b"5",
    "Readme": b"6",
    "caf\u00e9": b"7",
    "cafe\u0301": b"8",
    "x": b"9",
    "X/y": b"10",
}


def names_of(rules: Rules) -> Rules:
    """The rules as far as they are about names."""
    return replace(rules, modes=None, owners=True)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> On:
    """Restore as if the target were on another platform."""

    def elsewhere(rules: Rules) -> None:
        monkeypatch.setattr("holotype.lake.restore.rules_for", lambda target: rules)

    return elsewhere


def words(problems: Any) -> dict[bytes, str]:
    """The word of each problem, by its path."""
    found = {problem.path: problem.problem for problem in problems}
    assert len(found) == len(problems)
    return found


class TestNames:
    def test_all_that_windows_cannot_have_is_told_and_nothing_is_written(
        self, archive: Archive, tmp_path: Path, on: On
    ) -> None:
        archive.backup(fill(tmp_path / "source", UNFIT), dataset="run")
        on(names_of(WINDOWS))
        with pytest.raises(
            TargetUnfit, match=r"cannot hold 6 entries.*nothing was written.*'NUL\.txt'.*and 1 more"
        ) as told:
            archive.restore("run", tmp_path / "back")
        assert words(told.value.about["problems"]) == dict.fromkeys(
            [b"NUL.txt", b"a:b", b"aux", b"aux/y?", b"end.", b"latin-\xe9"], "unfit"
        )
        assert not (tmp_path / "back").exists()
        assert isinstance(told.value, OSError)
        assert pickle.loads(pickle.dumps(told.value)).problems == told.value.about["problems"]

    def test_whoever_wants_the_rest_gets_it(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", UNFIT)
        archive.backup(source, dataset="run")
        on(names_of(WINDOWS))
        result = archive.restore("run", tmp_path / "back", unfit="skip")
        assert set(words(result.problems).values()) == {"skipped"}
        assert "what lies in it is not restored" in {one.path: one.message for one in result.problems}[b"aux"]
        assert set(look(tmp_path / "back")) == {b"", b"fine", b"x" * 200 + b".txt"}
        with pytest.raises(SourceProblem, match=r"NUL\.txt"):
            archive.restore("run", tmp_path / "strict", unfit="skip", on_problem="raise")
        assert not (tmp_path / "strict").exists()

    def test_under_other_names_everything_comes_back(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", UNFIT)
        archive.backup(source, dataset="run")
        on(names_of(WINDOWS))
        result = archive.restore("run", tmp_path / "back", unfit="escape")
        assert set(words(result.problems).values()) == {"renamed"}
        back = files(look(tmp_path / "back"))
        assert sorted(back.values()) == sorted(files(look(source)).values())
        for path in back:
            assert [unfit(name, WINDOWS) for name in path.split(b"/")] == [None] * (1 + path.count(b"/"))
        for problem in result.problems:
            new = problem.message.partition("'")[2].partition("'")[0]
            assert any(new.encode() in path.split(b"/") for path in back)

    def test_a_name_that_only_windows_can_have(self, tmp_path: Path) -> None:
        """Names of 255 letters may have more bytes than this platform's names: a snapshot of another one has some."""
        from ..making import another, keep
        from ..making import new_archive as making

        name = "\u4e2d" * 100
        context = making()
        keep(context, "run", {"folder": None, f"folder/{name}": [b"bytes"], "plain": [b"x"]})
        archive = type(new_archive())(another(context))
        with pytest.raises(TargetUnfit, match="300 bytes"):
            archive.restore("run", tmp_path / "back")
        assert archive.restore("run", tmp_path / "back", unfit="skip").files == 1
        assert archive.restore("run", tmp_path / "all", unfit="escape").files == 2
        assert b"bytes" in files(look(tmp_path / "all")).values()


class TestLikeness:
    @pytest.mark.parametrize(
        ("rules", "alike"),
        [
            (WINDOWS, {b"Readme", b"data", b"data/A", b"x"}),
            (MACOS, {b"Readme", b"data", b"data/A", b"x", "caf\u00e9".encode()}),
            (replace(MACOS, folds=None), {"caf\u00e9".encode()}),
            (POSIX, set[bytes]()),
        ],
        ids=["windows", "macos", "macos with case", "linux"],
    )
    def test_names_that_are_taken_for_one_are_told(
        self, rules: Rules, alike: set[bytes], archive: Archive, tmp_path: Path, on: On
    ) -> None:
        archive.backup(fill(tmp_path / "source", ALIKE), dataset="run")
        on(names_of(rules))
        if alike:
            with pytest.raises(TargetUnfit, match="is taken for that of") as told:
                archive.restore("run", tmp_path / "back")
            assert set(words(told.value.about["problems"])) == alike
        assert set(words(archive.restore("run", tmp_path / "back", unfit="skip").problems)) == alike
        assert archive.restore("run", tmp_path / "back2", unfit="escape").files == 10

    def test_a_folder_goes_into_the_one_that_has_its_name(self, archive: Archive, tmp_path: Path, on: On) -> None:
        """Here the two are made apart, for this disk knows them apart: but not a name twice that is the same."""
        archive.backup(fill(tmp_path / "source", ALIKE), dataset="run")
        on(names_of(WINDOWS))
        archive.restore("run", tmp_path / "back", unfit="skip")
        back = files(look(tmp_path / "back"))
        assert {path.lower(): data for path, data in back.items()} == {
            b"data/a": b"1",
            b"data/b": b"2",
            b"data/c": b"4",
            b"readme": b"5",
            b"x/y": b"10",
            "caf\u00e9".encode(): b"7",
            "cafe\u0301".encode(): b"8",
        }
        assert len(back) == 7

    def test_links_follow_their_files(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", {"A/file": b"same", "a/other": b"x"})
        for name in ("a/FILE", "a/z", "b"):
            os.link(source / "A/file", source / name)
        os.rename(source / "A/file", source / "A/file:1")
        archive.backup(source, dataset="run")
        on(names_of(WINDOWS))
        assert archive.restore("run", tmp_path / "all", unfit="escape").files == 2
        back = look(tmp_path / "all")
        assert sorted(files(back).values()) == [b"same"] * 4 + [b"x"]
        assert len({seen.first for seen in back.values() if seen.first}) == 1
        # Without the first name the file is still there, under the others.
        archive.restore("run", tmp_path / "rest", unfit="skip")
        assert files(look(tmp_path / "rest")) == {
            b"a/FILE": b"same",
            b"a/z": b"same",
            b"b": b"same",
            b"a/other": b"x",
        }
        assert {seen.first for seen in look(tmp_path / "rest").values()} == {None, b"a/FILE"}

    def test_where_there_are_no_hard_links_each_name_is_a_file(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", {"a": b"same" * 2000, "b/x": b"x"})
        for name in ("b/2", "b/3", "c"):
            os.link(source / "a", source / name)
        archive.backup(source, dataset="run")
        on(replace(POSIX, hardlinks=False))
        with ThreadPoolExecutor(2) as executor:
            results = [
                archive.restore("run", tmp_path / "all"),
                archive.restore("run", tmp_path / "workers", executor=executor),
            ]
        for result in results:
            assert [one.message for one in result.problems] == ["the hard links of 3 entries cannot be kept here"]
            assert result.files == 5
            back = look(os.fsencode(result.target))
            assert files(back) == files(look(source))
            assert not any(seen.first for seen in back.values())
        assert archive.restore("run", tmp_path / "dry", dry_run=True).files == 5
        archive.restore("run", tmp_path / "part", paths=["b/*"])
        assert files(look(tmp_path / "part")) == {b"b/2": b"same" * 2000, b"b/3": b"same" * 2000, b"b/x": b"x"}

    def test_workers_and_patterns_take_part(self, archive: Archive, tmp_path: Path, on: On) -> None:
        archive.backup(fill(tmp_path / "source", ALIKE | UNFIT), dataset="run")
        on(names_of(WINDOWS))
        with ThreadPoolExecutor(2) as executor:
            assert archive.restore("run", tmp_path / "all", unfit="escape", executor=executor).files == 18
        with pytest.raises(TargetUnfit) as told:
            archive.restore("run", tmp_path / "back", paths=["?ata/**"])
        assert set(words(told.value.about["problems"])) == {b"data", b"data/A"}
        assert restored(archive, "run", tmp_path / "one", paths=["data/A"])[b"data/A"].content == b"3"
        with pytest.raises(EntryNotFound):
            archive.restore("run", tmp_path / "none", paths=["nothing"])
        assert not (tmp_path / "none").exists()

    def test_a_disk_that_takes_names_for_one_is_found_out(
        self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is patched but the disk: it is tried before anything is written."""
        from ..tree.test_terrain import play

        archive.backup(fill(tmp_path / "source", {"a": b"1", "A": b"2"}), dataset="run")
        with monkeypatch.context() as patch:
            play(patch, stored=bytes.lower)
            with pytest.raises(TargetUnfit, match="'a': the name is taken for that of 'A' here"):
                archive.restore("run", tmp_path / "back")
        assert sorted(os.listdir(tmp_path)) == ["source"]


class TestWhatFilesHave:
    def test_what_cannot_be_kept_is_told_once(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", {"a": b"1", "b": b"2", "folder": None})
        os.setxattr(source / "a", "user.note", b"kept")
        os.chmod(source / "b", 0o400)
        os.mkfifo(source / "pipe")
        archive.backup(source, dataset="run")
        on(replace(POSIX, xattrs=False, owners=False, specials=False, modes=frozenset({0o755, 0o644})))
        result = archive.restore("run", tmp_path / "back", owners="numbers")
        assert [(one.path, one.problem, one.message) for one in result.problems] == [
            (b"", "attributes", "the owners of 5 entries cannot be kept here"),
            (b"", "attributes", "the modes of 1 entries cannot be kept here"),
            (b"", "attributes", "the extended attributes of 1 entries cannot be kept here"),
            (b"pipe", "special", "no pipes, sockets and devices can be made here"),
        ]
        back = look(tmp_path / "back")
        assert files(back) == {b"a": b"1", b"b": b"2"}
        assert back[b"a"].xattrs == ()
        with pytest.raises(SourceProblem):
            archive.restore("run", tmp_path / "strict", owners="numbers", on_problem="raise")
        assert not (tmp_path / "strict").exists()

    def test_links_that_nobody_here_may_make(self, archive: Archive, tmp_path: Path, on: On) -> None:
        source = fill(tmp_path / "source", {"a": b"1"})
        (source / "link").symlink_to("a")
        archive.backup(source, dataset="run")
        on(replace(names_of(WINDOWS), symlinks=False))
        with pytest.raises(TargetUnfit, match="'link': no links can be made here"):
            archive.restore("run", tmp_path / "back")
        for choice in ("skip", "escape"):
            result = archive.restore("run", tmp_path / choice, unfit=choice)
            assert words(result.problems) == {b"link": "skipped"}
            assert set(look(tmp_path / choice)) == {b"", b"a"}


class TestDryRun:
    @pytest.mark.parametrize(("choice", "expected"), [("refuse", "unfit"), ("skip", "skipped"), ("escape", "renamed")])
    def test_it_tells_what_would_be_and_writes_nothing(
        self, choice: Any, expected: str, archive: Archive, tmp_path: Path, on: On
    ) -> None:
        archive.backup(fill(tmp_path / "source", {"a": b"123", "A": b"4567", "b": b""}), dataset="run")
        on(names_of(WINDOWS))
        before = look(tmp_path)
        result = archive.restore("run", tmp_path / "back", unfit=choice, dry_run=True)
        assert (words(result.problems), result.ok) == ({b"a": expected}, False)
        assert (result.files, result.bytes) == ((3, 7) if choice == "escape" else (2, 4))
        assert look(tmp_path) == before

    def test_with_patterns(self, archive: Archive, tmp_path: Path) -> None:
        archive.backup(fill(tmp_path / "source", {"x/a": b"123", "y": b"4567"}), dataset="run")
        result = archive.restore("run", tmp_path / "back", paths=["x"], dry_run=True)
        assert (result.files, result.bytes, result.ok) == (1, 3, True)
        assert not (tmp_path / "back").exists()


parts = st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "\u00c9", "NUL", "x:", "end."])
trees = st.lists(st.lists(parts, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12, unique=True)


@settings(max_examples=share(25), deadline=None)
@given(trees, st.sampled_from([WINDOWS, MACOS]))
def test_whatever_is_restored_elsewhere_is_there_once(paths: list[str], rules: Rules) -> None:
    """Skipped, nothing is taken for another that is there; escaped, nothing is missing either."""
    from tempfile import TemporaryDirectory

    from ..making import another, keep
    from ..making import new_archive as making

    folders = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 1)}
    tree: dict[str, Any] = dict.fromkeys(folders) | {path: [path.encode()] for path in paths if path not in folders}
    context = making()
    keep(context, "run", tree)
    archive = type(new_archive())(another(context))
    wanted = {path.encode() for path in paths if path not in folders}
    with TemporaryDirectory() as top, pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.restore.rules_for", lambda target: names_of(rules))
        for choice in ("skip", "escape"):
            result = archive.restore("run", os.path.join(top, choice), unfit=choice)
            back = look(os.fsencode(os.path.join(top, choice)))
            leaves = [same(path, rules) for path in files(back)]
            assert len(leaves) == len(set(leaves))
            assert not any(unfit(name, rules) for path in back if path for name in path.split(b"/"))
            if choice == "escape":
                every = [same(path, rules) for path in back]
                assert len(every) == len(set(every))
                assert set(files(back).values()) == wanted
            else:
                told = {one.path for one in result.problems}
                missing = wanted - set(files(back).values())
                assert all(any(path == one or path.startswith(one + b"/") for one in told) for path in missing)
