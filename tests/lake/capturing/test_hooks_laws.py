"""Whatever is done with files, in whatever order: what is said of them is what became of them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.capturing.hooks import listening

from ...effort import share
from .hearing import fill

THERE, NAMES = ("a", "b", "c"), ("a", "b", "c", "d", "e")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "write", "append", "change", "look", "rename", "remove", "copy", "beside"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
    ),
    min_size=1,
    max_size=10,
)


@dataclass
class Model:
    """What is known by doing it: each content by the file it was in at first, while nobody has changed it."""

    folder: Path
    now: dict[str, str] = field(default_factory=lambda: {name: f"as {name} was" for name in THERE})
    read: set[str] = field(default_factory=set[str])
    opened: set[str] = field(default_factory=set[str])
    fresh: count[int] = field(default_factory=count)

    def text(self) -> str:
        """A content that was never there, of a length that was never there."""
        return "." * (100 + next(self.fresh))

    def take(self, name: str) -> None:
        """A content is used."""
        content = self.now[name]
        self.opened |= {name, content[3]} if content.startswith("as ") else {name}
        if content.startswith("as "):
            self.read.add(content[3])

    def do(self, what: str, name: str, other: str) -> None:
        """One step, with real files; what cannot be done is left out."""
        path, there = self.folder / name, name in self.now
        if what == "write":
            path.write_text(self.text())
            self.now[name] = "new"
        elif what == "append":
            with path.open("a") as file:
                file.write(self.text())
            self.opened.add(name)
            self.now[name] = "new"
        elif what == "beside":
            (self.folder / "beside").write_text(self.text())
            os.replace(self.folder / "beside", path)
            self.now[name] = "new"
        elif there and what in ("read", "look"):
            with path.open("r" if what == "read" else "r+") as file:
                file.read()
            self.take(name)
        elif there and what == "change":
            with path.open("r+") as file:
                file.seek(0, os.SEEK_END)
                file.write(self.text())
            self.take(name)
            self.now[name] = "new"
        elif there and what == "remove":
            path.unlink()
            del self.now[name]
        elif there and name != other and what == "rename":
            os.replace(path, self.folder / other)
            self.now[other] = self.now.pop(name)
        elif there and name != other and what == "copy":
            (self.folder / other).write_text(path.read_text() + self.text())
            self.take(name)
            self.now[other] = "new"


@settings(max_examples=share(60), deadline=None)
@given(steps=STEPS)
def test_what_is_said_to_be_written_removed_and_read_was(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as base:
        folder = Path(os.path.realpath(base))
        fill(folder, {name: name * (number + 1) for number, name in enumerate(THERE)})
        model = Model(folder)
        with listening([folder], digests=True) as heard:
            for step in steps:
                model.do(*step)
        seen = {each.path.rpartition(os.sep)[2]: each for each in heard.seen}
    assert not heard.notes
    before = {name: f"as {name} was" for name in THERE}
    assert {name for name, each in seen.items() if each.written} == {
        name for name, content in model.now.items() if content != before.get(name)
    }
    assert {name for name, each in seen.items() if each.removed} == before.keys() - model.now.keys()
    read = {name for name, each in seen.items() if each.read}
    assert model.read <= read <= model.opened & before.keys()
    for name, each in seen.items():
        assert (each.before is not None) == (name in before)
        assert (each.after is not None) == (name in model.now)
        content = model.now.get(name, "")
        moved = each.written and content.startswith("as ")
        assert (each.renamed_from or "").rpartition(os.sep)[2] == (content[3] if moved else "") or content == "new"
    # Of what was used and is gone, the version that was there is known.
    lost = {
        name for name in model.read if model.now.get(name) != before[name] and before[name] not in model.now.values()
    }
    assert {path.rpartition(os.sep)[2] for path in heard.before} >= lost
