"""Codes are quoted years later: none changes its name, its meaning or its severity unnoticed.

``codes.txt`` has a line for each, its name and its severity, in any order.  What is added to it is added by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holotype.validators.looking import FRAME_CODES
from holotype.validators.registry import REGISTRY
from holotype.validators.streams.codes import STREAM_CODES

if TYPE_CHECKING:
    from holotype.validators import Code


def declared() -> list[Code]:
    """Every rule of holotype's own."""
    own = [check for check in REGISTRY.every() if type(check).__module__.startswith("holotype.")]
    return [*FRAME_CODES, *STREAM_CODES, *(code for check in own for code in check.codes)]


def test_a_name_is_of_one_rule_alone() -> None:
    rules: dict[str, Code] = {}
    wrong = [code for code in declared() if rules.setdefault(code.name, code) != code]
    assert not wrong


def test_every_rule_says_what_it_asks_in_a_sentence() -> None:
    wrong = [code.name for code in declared() if not code.about.endswith(".") or not code.about[0].isupper()]
    assert not wrong


def test_no_rule_has_changed_and_each_is_in_the_list() -> None:
    lines = Path(__file__).with_name("codes.txt").read_text(encoding="utf-8").splitlines()
    listed = {tuple(line.split()) for line in lines if line.strip()}
    there = {(code.name, code.severity.value) for code in declared()}
    missing = sorted(" ".join(each) for each in there - listed)
    assert not missing, "add to codes.txt:\n" + "\n".join(missing)
    gone = sorted(" ".join(each) for each in listed - there)
    assert not gone, "rules that people filter by are gone, or of another severity:\n" + "\n".join(gone)
