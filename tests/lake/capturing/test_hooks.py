"""What code of Python reads and writes is heard, with nothing declared."""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from holotype.lake.capturing.hooks import listening, tell, unheard
from holotype.lake.capturing.seen import Status

from .hearing import SETTLED, fill, marks, one, users


def status(path: Path) -> Status:
    """A file's status now."""
    return Status.of(path.stat())


class TestOneFile:
    def test_what_was_read_and_what_was_written_are_told_apart(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1", "log": "1", "idle": "1"})
        with listening() as heard:
            text = (tmp_path / "in").read_text()
            (tmp_path / "out").write_text(text)
            with (tmp_path / "log").open("a") as file:
                file.write("2")
        assert marks(heard.seen, tmp_path) == {"in": "r", "log": "rw", "out": "w"}
        assert users(heard, tmp_path) == {"in": ("open",), "log": ("open",), "out": ("open",)}

    def test_each_file_has_its_status_before_and_after(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1", "changed": "1"})
        before = {name: status(tmp_path / name) for name in ("in", "changed")}
        with listening() as heard:
            (tmp_path / "in").read_text()
            (tmp_path / "changed").write_text("22")
            (tmp_path / "new").write_text("333")
        seen = {name: one(heard, tmp_path / name) for name in ("in", "changed", "new")}
        assert (seen["in"].before, seen["in"].after) == (before["in"], before["in"])
        assert (seen["changed"].before, seen["changed"].after) == (before["changed"], status(tmp_path / "changed"))
        assert (seen["new"].before, seen["new"].after) == (None, status(tmp_path / "new"))

    def test_a_file_that_is_rewritten_in_place_has_two_versions(self, tmp_path: Path) -> None:
        """Read, then written over with as many bytes, at once: the version that is gone is still known."""
        path = fill(tmp_path, {"table": "abc"}) / "table"
        with listening(digests=True) as heard:
            text = path.read_text()
            path.write_text(text.upper())
        seen = one(heard, path)
        assert (seen.read, seen.written) == (True, True)
        assert seen.before != seen.after
        assert heard.before == {seen.path: hashlib.sha256(b"abc").digest()}

    def test_what_was_made_and_then_read_is_no_input(self, tmp_path: Path) -> None:
        fill(tmp_path, {"old": "1"})
        with listening() as heard:
            for name in ("new", "old"):
                (tmp_path / name).write_text("2")
                (tmp_path / name).read_text()
        assert marks(heard.seen, tmp_path) == {"new": "w", "old": "w"}

    def test_files_opened_for_both_are_written_only_when_they_were(self, tmp_path: Path) -> None:
        fill(tmp_path, {"changed": "12345", "looked": "12345", "touched": "1"})
        with listening() as heard:
            with (tmp_path / "changed").open("r+") as file:
                file.write("x")
            with (tmp_path / "looked").open("r+") as file:
                file.read()
            with (tmp_path / "touched").open("a"):
                pass
            with (tmp_path / "new").open("w+") as file:
                file.write("x")
        assert marks(heard.seen, tmp_path) == {"changed": "rw", "looked": "r", "new": "w"}

    def test_a_change_too_soon_for_the_clock_is_a_change(self, tmp_path: Path) -> None:
        """Of a file made a moment ago the times may stay the same; it is taken to be written."""
        for number in range(20):
            path = tmp_path / f"{number}"
            path.write_text("1")
            before = status(path)
            with listening() as heard, path.open("r+") as file:
                file.write("2")
            assert one(heard, path).written, status(path) == before

    def test_what_cannot_be_opened_is_neither_read_nor_written(self, tmp_path: Path) -> None:
        fill(tmp_path, {"there": "1"})
        with listening() as heard:
            with pytest.raises(FileNotFoundError):
                (tmp_path / "missing").read_text()
            with pytest.raises(FileNotFoundError):
                (tmp_path / "no" / "folder").write_text("1")
            with pytest.raises(FileExistsError):
                (tmp_path / "there").open("x")
            with pytest.raises(IsADirectoryError if os.name == "posix" else PermissionError):
                tmp_path.open("w")
        assert marks(heard.seen, tmp_path) == {}
        assert heard.notes == ()

    def test_every_way_to_open_a_file_is_heard(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(tmp_path, dict.fromkeys(("path", "bytes", "relative", "descriptor", "zip", "link-target"), "12345"))
        with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
            archive.writestr("path", "no file here")
        (tmp_path / "link").symlink_to("link-target")
        time.sleep(SETTLED)
        monkeypatch.chdir(tmp_path)
        with listening() as heard:
            (tmp_path / "path").read_bytes()
            with open(os.fsencode(tmp_path / "bytes"), "rb"), open("relative"), open("link"):
                pass
            descriptor = os.open("descriptor", os.O_RDONLY)
            with open(descriptor, "rb") as file:
                file.read()
            with zipfile.ZipFile("zip") as archive:
                archive.read("path")
        every = ("bytes", "descriptor", "link-target", "path", "relative", "zip")
        assert marks(heard.seen, tmp_path) == dict.fromkeys(every, "r")
        assert one(heard, tmp_path / "descriptor").by == ("os.open",)

    def test_names_of_all_bytes_are_taken_as_they_are(self, tmp_path: Path) -> None:
        name = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
        try:
            with open(name, "wb"):
                pass
        except OSError:  # where names are text
            name = os.fsencode(tmp_path / "caf\u00e9")
        with listening() as heard, open(name, "wb") as file:
            file.write(b"1")
        (seen,) = heard.seen
        assert os.fsencode(seen.path) == os.path.realpath(name)

    def test_relative_paths_go_from_where_the_process_is_then(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(tmp_path, {"one/in": "1", "two/in": "2"})
        monkeypatch.chdir(tmp_path)
        with listening() as heard:
            for folder in ("one", "../two"):
                os.chdir(folder)
                with open("in"):
                    pass
        assert marks(heard.seen, tmp_path) == {"one/in": "r", "two/in": "r"}

    def test_a_link_to_a_folder_and_what_lies_behind_dots_lead_to_the_file(self, tmp_path: Path) -> None:
        fill(tmp_path, {"real/deep/in": "1", "real/in": "2"})
        (tmp_path / "link").symlink_to(tmp_path / "real" / "deep", target_is_directory=True)
        with listening() as heard:
            (tmp_path / "link" / "in").read_text()
            # By the letters this would be tmp_path / "in".
            with open(f"{tmp_path}/link/../in"):
                pass
        assert marks(heard.seen, tmp_path) == {"real/deep/in": "r", "real/in": "r"}

    def test_writing_through_a_memory_map_is_writing(self, tmp_path: Path) -> None:
        path = fill(tmp_path, {"mapped": "12345"}) / "mapped"
        with listening() as heard, path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
            view[:1] = b"x"
        assert marks(heard.seen, tmp_path) == {"mapped": "rw"}

    def test_cutting_a_file_is_writing(self, tmp_path: Path) -> None:
        fill(tmp_path, {"cut": "12345"})
        with listening() as heard:
            os.truncate(tmp_path / "cut", 2)
        assert marks(heard.seen, tmp_path) == {"cut": "rw"}
        assert one(heard, tmp_path / "cut").by == ("os.truncate",)

    def test_a_database_is_read_and_written_through_its_connection(self, tmp_path: Path) -> None:
        path = tmp_path / "lab.db"
        with listening() as first:
            connection = sqlite3.connect(path)
            connection.execute("CREATE TABLE samples (name)")
            connection.close()
        time.sleep(SETTLED)
        with listening() as second:
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            connection.execute("SELECT * FROM samples").fetchall()
            connection.close()
            sqlite3.connect(":memory:").close()
        assert marks(first.seen, tmp_path) == {"lab.db": "w"}
        assert marks(second.seen, tmp_path) == {"lab.db": "r"}

    def test_devices_and_what_the_system_makes_up_are_left_out(self, tmp_path: Path) -> None:
        with listening() as heard:
            with open(os.devnull, "w") as file:
                file.write("1")
            if os.path.exists("/proc/self/stat"):
                Path("/proc/self/stat").read_text()
            Path(os.__file__).read_text()
        assert [each.path for each in heard.seen] == []

    def test_a_folder_can_be_left_out(self, tmp_path: Path) -> None:
        fill(tmp_path, {"archive/pack": "1", "archive.txt": "1"})
        with listening(leave_out=[tmp_path / "archive"]) as heard:
            (tmp_path / "archive" / "pack").read_text()
            (tmp_path / "archive" / "new").write_text("1")
            (tmp_path / "archive.txt").read_text()
        assert marks(heard.seen, tmp_path) == {"archive.txt": "r"}


class TestNames:
    def test_a_file_that_was_made_and_removed_again_is_not_spoken_of(self, tmp_path: Path) -> None:
        fill(tmp_path, {"old": "1"})
        before = status(tmp_path / "old")
        with listening() as heard:
            (tmp_path / "scratch").write_text("1")
            (tmp_path / "scratch").unlink()
            (tmp_path / "old").unlink()
            with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
                file.write(b"1")
                Path(folder, "x").write_text("1")
        assert [(each.path, each.removed, each.before) for each in heard.seen] == [
            (os.path.realpath(tmp_path / "old"), True, before)
        ]

    def test_what_is_written_beside_and_renamed_is_written_by_what_wrote_it(self, tmp_path: Path) -> None:
        path = fill(tmp_path, {"table": "1"}) / "table"
        with listening(digests=True) as heard:
            text = path.read_text()
            with open(tmp_path / "table.tmp", "w") as file:
                file.write(text + "2")
            os.replace(tmp_path / "table.tmp", path)
        assert marks(heard.seen, tmp_path) == {"table": "rw"}
        seen = one(heard, path)
        assert (seen.by, seen.renamed_from) == (("open",), None)
        assert heard.before[seen.path] == hashlib.sha256(b"1").digest()

    def test_a_moved_file_is_known_by_where_it_was(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": "1", "d/c": "1", "d/deep/e": "2"})
        with listening() as heard:
            os.rename(tmp_path / "a", tmp_path / "b")
            (tmp_path / "b").rename(tmp_path / "e")
            shutil.move(tmp_path / "d", tmp_path / "f")
            (tmp_path / "f" / "c").read_text()
        assert marks(heard.seen, tmp_path) == {
            "a": "d",
            "e": "w",
            "d/c": "rd",  # what was read is what lay here
            "f/c": "w",
            "d/deep/e": "d",
            "f/deep/e": "w",
        }
        assert one(heard, tmp_path / "e").renamed_from == os.path.realpath(tmp_path / "a")
        assert one(heard, tmp_path / "f" / "c").renamed_from == os.path.realpath(tmp_path / "d" / "c")

    def test_moving_a_file_away_and_back_changes_nothing(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": "1"})
        with listening() as heard:
            os.rename(tmp_path / "a", tmp_path / "b")
            os.rename(tmp_path / "b", tmp_path / "a")
        assert marks(heard.seen, tmp_path) == {}

    def test_two_files_that_change_places_are_both_written(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": "1", "b": "22"})
        with listening() as heard:
            os.rename(tmp_path / "a", tmp_path / "c")
            os.rename(tmp_path / "b", tmp_path / "a")
            os.rename(tmp_path / "c", tmp_path / "b")
        assert marks(heard.seen, tmp_path) == {"a": "w", "b": "w"}
        assert one(heard, tmp_path / "a").renamed_from == os.path.realpath(tmp_path / "b")

    def test_a_new_file_in_the_place_of_one_that_was_moved_away_is_not_that_one(self, tmp_path: Path) -> None:
        fill(tmp_path, {"log": "1"})
        with listening() as heard:
            os.rename(tmp_path / "log", tmp_path / "log.1")
            (tmp_path / "log").write_text("22")
            (tmp_path / "log").read_text()
        assert marks(heard.seen, tmp_path) == {"log": "w", "log.1": "w"}
        assert one(heard, tmp_path / "log.1").renamed_from == os.path.realpath(tmp_path / "log")

    def test_a_rename_that_fails_moves_nothing(self, tmp_path: Path) -> None:
        fill(tmp_path, {"a": "1", "folder/b": "1"})
        with listening() as heard:
            with pytest.raises(OSError, match=r"."):
                os.rename(tmp_path / "a", tmp_path / "folder")
            with pytest.raises(OSError, match=r"."):
                os.rename(tmp_path / "a", tmp_path / "no" / "b")
            (tmp_path / "a").read_text()
        assert marks(heard.seen, tmp_path) == {"a": "r"}

    def test_a_copy_is_made_of_what_is_read(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1", "tree/a": "1"})
        with listening() as heard:
            shutil.copy2(tmp_path / "in", tmp_path / "out")
            shutil.copytree(tmp_path / "tree", tmp_path / "twin")
        assert marks(heard.seen, tmp_path) == {"in": "r", "out": "w", "tree/a": "r", "twin/a": "w"}
        assert one(heard, tmp_path / "out").by == ("shutil.copyfile",)

    def test_another_name_for_a_file_is_made_of_it(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1"})
        with listening() as heard:
            os.link(tmp_path / "in", tmp_path / "out")
        assert marks(heard.seen, tmp_path) == {"in": "r", "out": "w"}

    @pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="the platform does not tell where descriptors lead")
    def test_names_below_a_descriptor_are_found(self, tmp_path: Path) -> None:
        fill(tmp_path, {"tree/deep/a": "1", "tree/b": "1", "c": "1"})
        with listening() as heard:
            shutil.rmtree(tmp_path / "tree")
            folder = os.open(tmp_path, os.O_RDONLY)
            os.rename("c", "d", src_dir_fd=folder, dst_dir_fd=folder)
            os.close(folder)
        assert marks(heard.seen, tmp_path) == {"tree/deep/a": "d", "tree/b": "d", "c": "d", "d": "w"}

    def test_links_that_change_are_followed_to_where_they_lead_now(self, tmp_path: Path) -> None:
        fill(tmp_path, {"one/in": "1", "two/in": "2"})
        link = tmp_path / "now"
        link.symlink_to(tmp_path / "one", target_is_directory=True)
        with listening() as heard:
            (link / "in").read_text()
            link.unlink()
            link.symlink_to(tmp_path / "two", target_is_directory=True)
            (link / "in").read_text()
        assert marks(heard.seen, tmp_path) == {"one/in": "r", "two/in": "r"}


class TestDigests:
    def test_only_what_was_used_is_hashed_before_it_is_written_over(self, tmp_path: Path) -> None:
        fill(tmp_path, {"unread": "1", "read": "2", "added": "3", "removed": "4", "kept": "5"})
        with listening(digests=True) as heard:
            for name in ("read", "removed", "kept"):
                (tmp_path / name).read_text()
            (tmp_path / "unread").write_text("new")
            (tmp_path / "read").write_text("new")
            (tmp_path / "removed").unlink()
            with (tmp_path / "added").open("a") as file:
                file.write("new")
        contents = {"read": b"2", "removed": b"4", "added": b"3"}
        top = os.path.realpath(tmp_path)
        expected = {os.path.join(top, name): hashlib.sha256(text).digest() for name, text in contents.items()}
        assert heard.before == expected

    def test_what_is_large_or_elsewhere_is_not_hashed(self, tmp_path: Path) -> None:
        fill(tmp_path, {"root/small": "12", "root/large": "123", "rooted": "1"})
        with listening([tmp_path / "root"], digests=True, largest=2) as heard:
            for name in ("root/small", "root/large", "rooted"):
                (tmp_path / name).read_text()
                (tmp_path / name).write_text("new")
        assert list(heard.before) == [os.path.realpath(tmp_path / "root" / "small")]

    def test_a_product_that_is_written_over_is_no_version_from_before(self, tmp_path: Path) -> None:
        with listening(digests=True) as heard:
            for text in ("1", "2"):
                (tmp_path / "out").write_text(text)
                (tmp_path / "out").read_text()
        assert heard.before == {}

    def test_what_something_else_changed_in_between_is_said(self, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"
        with listening(digests=True) as heard:
            path.read_text()
            with unheard():
                path.write_text("22")
            path.write_text("333")
        assert heard.before == {}
        assert heard.notes == ("a file was changed by something else between reading it and writing over it",)

    def test_what_the_block_around_has_read_is_hashed_as_well(self, tmp_path: Path) -> None:
        path = fill(tmp_path, {"in": "1"}) / "in"
        with listening(digests=True):
            path.read_text()
            with listening(digests=True) as inner:
                path.write_text("2")
        assert inner.before == {os.path.realpath(path): hashlib.sha256(b"1").digest()}


class TestWhatIsNotHeard:
    @pytest.mark.skipif(os.name == "nt", reason="a folder that is worked in cannot be removed")
    def test_a_program_whose_folder_is_gone_goes_on(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        with listening() as heard:
            (tmp_path / "gone").rmdir()
            with pytest.raises(FileNotFoundError):
                Path("relative").read_text()
            (tmp_path / "out").write_text("1")
        assert marks(heard.seen, tmp_path) == {"out": "w"}

    def test_programs_that_are_started_are_named(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", "open('child', 'w').close()", "--token=secret"]
        with listening() as heard:
            subprocess.run(command, cwd=tmp_path, check=True)
        assert heard.commands == (tuple(command),)
        name = os.path.basename(sys.executable)
        assert heard.notes == (f"what {name} read and wrote is not heard",)
        assert marks(heard.seen, tmp_path) == {}

    def test_files_that_a_program_made_are_told_from_those_that_were_there(self, tmp_path: Path) -> None:
        fill(tmp_path, {"old": "1"})
        with listening() as heard:
            time.sleep(SETTLED)
            subprocess.run([sys.executable, "-c", "print(1, file=open('new', 'w'))"], cwd=tmp_path, check=True)
            (tmp_path / "new").read_text()
            (tmp_path / "old").read_text()
        assert marks(heard.seen, tmp_path) == {"new": "r", "old": "r"}
        assert heard.arrived == (os.path.realpath(tmp_path / "new"),)

    def test_what_goes_over_the_network_is_named_without_its_keys(self) -> None:
        with listening() as heard, pytest.raises(urllib.error.URLError):
            urllib.request.urlopen("http://127.0.0.1:9/table.csv?token=secret&version=3#part", timeout=1)
        assert heard.remote == (("http://127.0.0.1:9/table.csv?version=3", "r", "urllib.request"),)

    def test_code_that_knows_more_can_tell(self, tmp_path: Path) -> None:
        fill(tmp_path, {"in": "1"})
        tell(tmp_path / "in", mode="r", by="nobody listens")
        with listening() as heard:
            tell(tmp_path / "in", mode="r", by="lab.read")
            tell("s3://key:secret@lab/reads.csv", mode="w", by="lab.write")
        assert users(heard, tmp_path) == {"in": ("lab.read",)}
        assert heard.remote == (("s3://lab/reads.csv", "w", "lab.write"),)
