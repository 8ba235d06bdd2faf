"""Both ways of watching agree about what was written, moved and removed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.capturing.states import differs

from ...effort import share
from .commands import marks, run

if TYPE_CHECKING:
    from holotype.lake.capturing.watching import Watched

NEEDS = ("strace", "sh")

NAMES = st.sampled_from(["a", "b", "c", "d/a", "d/b", "e/a"])
STEPS = st.one_of(
    st.builds("echo {} > {}".format, st.integers(0, 9), NAMES),
    st.builds("echo {} >> {}".format, st.integers(0, 9), NAMES),
    st.builds("cat {} > {}".format, NAMES, NAMES),
    st.builds("cp {} {}".format, NAMES, NAMES),
    st.builds("mv {} {}".format, NAMES, NAMES),
    st.builds("ln -f {} {}".format, NAMES, NAMES),
    st.builds("ln -sf {} {}".format, NAMES, NAMES),
    st.builds("rm -f {}".format, NAMES),
    st.builds("sed -i s/1/2/ {}".format, NAMES),
    st.builds(": >> {}".format, NAMES),
    st.builds("cat {} | sort | tee {}".format, NAMES, NAMES),
    st.builds("(cd {}; echo 1 > a; mv a b)".format, st.sampled_from(["d", "e"])),
    st.just("mv d f"),
    st.just("mv f d"),
    st.just("rm -r e"),
    st.just("mkdir e"),
)


def lay(folder: Path) -> Path:
    """The same files each time."""
    for name in ("a", "b", "d/a", "e/a"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} 1\n")
    return folder


def outcomes(watched: Watched, folder: Path) -> dict[str, str]:
    """What was written and removed, without what was opened to be written and then was not.

    (strace cannot tell that of a file that was given permissions or another name, too.)
    """
    kept = [
        seen for seen in watched.seen if seen.before is None or seen.after is None or differs(seen.before, seen.after)
    ]
    done = {path: each.translate(str.maketrans("", "", "rx")) for path, each in marks(kept, folder).items()}
    return {path: each for path, each in done.items() if each}


@settings(max_examples=share(15), deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=7))
def test_what_is_seen_to_be_written_is_what_differs_afterwards(steps: list[str]) -> None:
    top = Path(tempfile.mkdtemp())
    try:
        script = "; ".join(steps)
        one, other = lay(top / "one"), lay(top / "other")
        assert outcomes(run(one, script, how="strace"), one) == outcomes(run(other, script, how="states"), other)
    finally:
        shutil.rmtree(top)
