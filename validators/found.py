"""What a check tells while it looks: findings, bounded for each code but all counted, and metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .errors import CheckRefused
from .findings import Finding, Place
from .metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .findings import Code
    from .limits import Limits

__all__ = ["Found"]

# Characters of what was seen: whoever reads a report wants to recognise it, not to have all of it.
_SHOWN = 200
# Characters of a message, or of a name: a member's path is rarely longer, and hostile ones are.
_TOLD = 1000
_MOST = (1 << 63) - 1


class Found:
    """Takes what one check finds.  It is given to the check, and belongs to one thread."""

    def __init__(self, check: str, codes: Iterable[Code], *, limits: Limits) -> None:
        self.findings: list[Finding] = []
        self.metrics: list[Metric] = []
        self.counts: Counter[Code] = Counter()
        self._kept: Counter[Code] = Counter()
        self.complete = True
        self._check = check
        self._codes = {code.name: code for code in codes}
        self._each = limits.each

    def add(
        self,
        code: Code,
        message: str,
        *,
        member: str | None = None,
        offset: int | None = None,
        line: int | None = None,
        row: int | None = None,
        column: str | None = None,
        record: str | None = None,
        seen: object = None,
        expected: object = None,
    ) -> None:
        """Tell of one fact.  Raises ``CheckRefused`` for a code that the check has not declared."""
        self._declared(code)
        self.counts[code] += 1
        if self.room(code):
            self._kept[code] += 1
            words = (_shown(each, _TOLD) for each in (column, record))
            place = Place(_shown(member, _TOLD), _number(offset), _number(line), _number(row), *words)
            told = _shown(message, _TOLD) or ""
            self.findings.append(Finding(code, told, place, _shown(seen), _shown(expected), self._check))

    def room(self, code: Code) -> int:
        """How many more findings of this code are kept: for checks that find millions at once, and tell of the first
        with ``add`` and of the others with ``count``.
        """
        return max(0, self._each - self._kept[code])

    def count(self, code: Code, more: int) -> None:
        """Tell that there are so many more, which are not kept one by one."""
        self._declared(code)
        if more <= 0:
            return
        if not self.counts[code]:
            self.add(code, code.about)  # what is counted shows in the report, whatever the check has left out
            more -= 1
        self.counts[code] += more

    def metric(self, name: str, value: float, *, unit: str = "1", of: str = "") -> None:
        """Tell of a figure."""
        self.metrics.append(Metric(name, float(value), unit, of))

    def partly(self) -> None:
        """Tell that not all was looked at."""
        self.complete = False

    def within(self, member: str) -> Found:
        """For what lies in a member: its findings are told here, with the member's path before theirs, and its figures
        are not.
        """
        return _Within(self, member)

    def _declared(self, code: Code) -> None:
        if code.name not in self._codes:
            raise CheckRefused(f"the check {self._check} has not declared the code {code.name}", code=code.name)


class _Within(Found):
    """Takes what is found in a member of an archive, where it is complete or not for itself."""

    def __init__(self, outer: Found, member: str) -> None:
        self._outer, self._member = outer, member
        self.findings, self.metrics, self.counts = outer.findings, outer.metrics, outer.counts
        self.complete = True

    def add(self, code: Code, message: str, *, member: str | None = None, **place: Any) -> None:
        path = self._member if member is None else f"{self._member}/{member}"
        self._outer.add(code, message, member=path, **place)

    def room(self, code: Code) -> int:
        return self._outer.room(code)

    def count(self, code: Code, more: int) -> None:
        self._outer.count(code, more)

    def metric(self, name: str, value: float, *, unit: str = "1", of: str = "") -> None:
        pass

    def partly(self) -> None:
        self.complete = False
        self._outer.partly()


def _number(value: int | None) -> int | None:
    """A place; one that no file has, because a damaged file says it, is none."""
    return None if value is None or not 0 <= value <= _MOST else int(value)


def _shown(value: object, size: int = _SHOWN) -> str | None:
    if value is None:
        return None
    text = value[: 2 * size].decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    # What is in hostile files must not reach a terminal as it is.
    if not text.isprintable():
        shown = text[: 2 * size]
        text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in shown)
    return text if len(text) <= size else text[: size - 1] + "…"
