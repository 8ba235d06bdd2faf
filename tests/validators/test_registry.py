"""Checks are holotype's own, those that a program registers, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from holotype import validators
from holotype.validators import Check, CheckRefused, Found, Subject, validate
from holotype.validators.registry import REGISTRY, Checks

if TYPE_CHECKING:
    from pathlib import Path


class Quiet(Check):
    """Finds nothing."""

    name = "lab.quiet"

    def look(self, subject: Subject, found: Found) -> None: ...


class Other(Check):
    """Another of the same name."""

    name = "lab.quiet"

    def look(self, subject: Subject, found: Found) -> None: ...


class Nameless(Check):
    """Has no name."""

    def look(self, subject: Subject, found: Found) -> None: ...


def test_a_check_is_registered_as_a_class_or_as_one_that_was_made() -> None:
    checks = Checks()
    checks.register(Quiet)
    checks.register(Quiet())
    assert [each.name for each in checks.every()] == ["lab.quiet"]
    assert isinstance(checks.named("lab.quiet"), Quiet)


def test_a_check_with_the_name_of_another_or_with_none_is_refused() -> None:
    checks = Checks()
    checks.register(Quiet)
    with pytest.raises(CheckRefused, match="another"):
        checks.register(Other)
    with pytest.raises(CheckRefused, match="no check"):
        checks.register(Nameless)
    with pytest.raises(CheckRefused, match="no check"):
        checks.register(dict)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(CheckRefused, match=r"there are lab[.]quiet"):
        checks.named("lab.nobody")


def test_own_checks_have_names_of_their_own_and_say_what_they_are() -> None:
    for check in REGISTRY.every():
        assert check.name
        assert check.version
        assert type(check).__doc__


def test_the_check_that_the_documentation_shows_works(tmp_path: Path) -> None:
    _, _, rest = str(import_module(Check.__module__).__doc__).partition("::\n\n")
    shown = "".join(line for line in rest.splitlines(keepends=True) if line.startswith("    ") or not line.strip())
    names: dict[str, Any] = dict(vars(validators))
    exec("from __future__ import annotations\n" + textwrap.dedent(shown), names)
    file = tmp_path / "barcodes.txt"
    file.write_text("LAB-1\nLAX-2\n")
    (row,) = validate(file, checks=[names["Barcodes"]()]).findings.to_pylist()
    assert (row["code"], row["line"], row["seen"]) == ("lab.barcode.unknown", 2, "LAX-2")


PACKAGE = {
    "labchecks.py": """
        from holotype.validators import Check, Code, Severity

        FOUND = Code("lab.found", Severity.NOTE, "Everything is found.")

        class Barcodes(Check):
            name, version, codes = "lab.barcodes", "7", (FOUND,)

            def look(self, subject, found):
                found.add(FOUND, "looked", seen=subject.format)
        """,
    "labchecks-1.0.dist-info/METADATA": """
        Metadata-Version: 2.1
        Name: labchecks
        Version: 1.0
        """,
    "labchecks-1.0.dist-info/entry_points.txt": """
        [holotype.checks]
        barcodes = labchecks:Barcodes
        gone = labchecks:Gone
        odd = os:path
        """,
}
PROGRAM = """
import sys
from holotype.validators import validate, validate_folder
report = validate(sys.argv[1])
assert "lab.barcodes" in report.checked["check"].to_pylist(), report.checked
told = {row["record"]: row["message"] for row in report.findings.to_pylist() if row["code"] == "check.unavailable"}
assert set(told) == {"gone", "odd"} and "AttributeError" in told["gone"], told
assert report.ok and report.counts["lab.found"] == 1
assert validate_folder(sys.argv[2], patterns=["a.txt"]).counts == {"lab.found": 1, "check.unavailable": 2}
assert validate(sys.argv[1], checks=["lab.barcodes"]).counts == {"lab.found": 1}

from holotype.validators import Check, Examination, register

several = Examination()
several.look_together([], name="run")
assert several.report().counts == {"check.unavailable": 2}

class Here(Check):
    name = "lab.here"

    def look(self, subject, found):
        pass

register(Here)
assert "lab.here" in validate(sys.argv[1]).checked["check"].to_pylist()
"""


def test_installed_packages_and_programs_offer_checks_and_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text).lstrip())
    file = tmp_path / "a.txt"
    file.write_text("abc\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROGRAM}"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(file), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
