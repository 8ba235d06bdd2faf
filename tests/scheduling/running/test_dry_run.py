"""A dry run shows every command, and runs none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .making import samples_in, site_in, whole

if TYPE_CHECKING:
    from pathlib import Path


def test_every_command_is_shown_with_what_it_takes_and_nothing_is_there_afterwards(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    shown = whole().dry_run(samples_in(tmp_path, "ann", "ben"), site)
    assert shown["node"].to_list() == ["split", "split", "change", "change", "join", "join", "gather"]
    commands = dict(shown.select("task", "command").rows())
    assert commands["split[ann]"] == f"split -l 1 {tmp_path}/ann.txt part."
    assert re.fullmatch(r"tr a-z A-Z < '.*/samples/ann/split/part\.\*' > .*/out\.txt", commands["change[ann].0"])
    assert commands["gather"].count("all.txt") == 3
    assert set(shown["memory"]) == {64 << 20}
    assert not (tmp_path / "site" / "runs").exists()
