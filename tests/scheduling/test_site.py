"""Sites: what there is to run on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from holotype.catalog import ExtraMissing
from holotype.scheduling import Site

if TYPE_CHECKING:
    from pathlib import Path


def test_a_site_is_this_machine_unless_it_is_said(tmp_path: Path) -> None:
    here = Site(tmp_path)
    assert here.cpus >= 1
    assert here.memory == psutil.virtual_memory().total
    with pytest.raises(ValueError, match="runs nothing"):
        Site(tmp_path, cpus=0)


def test_what_cannot_be_known_has_to_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(ExtraMissing, match=r"holotype\[workflows\]"):
        Site(tmp_path)
    assert Site(tmp_path, memory=1).memory == 1
