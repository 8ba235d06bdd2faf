"""Values of a trace: each is what it should be, or told of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...declaring.problems import Problems
    from ..imported import Losses

__all__ = ["Values", "is_unicode"]

# More than there is of anything, in bytes or seconds.
_MOST = 1 << 62
# Longer than any name; what is longer is there to fill memory.
_LONGEST = 4096
_SHOWN = 40


class Values:
    """Takes values: without some there is no trace, which are ``problems``; without others it is only poorer, which are
    ``losses``.
    """

    def __init__(self, problems: Problems, losses: Losses) -> None:
        self._problems, self._losses = problems, losses

    def mapping(self, said: object, place: str) -> Mapping[str, Any]:
        """An object; an empty one where it is none."""
        if isinstance(said, Mapping):
            return said
        self._problems.add(f"{place} is no object")
        return {}

    def mappings(self, said: object, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects of a list, each with where it stands."""
        if not isinstance(said, list):
            self._problems.add(f"{place} is no list")
            return
        for number, each in enumerate(said):
            if isinstance(each, Mapping):
                yield f"{place}.{number}", each
            else:
                self._problems.add(f"{place}.{number} is no object")

    def text(self, said: object, place: str) -> str | None:
        """A name."""
        if isinstance(said, str) and 0 < len(said) <= _LONGEST and "\0" not in said and is_unicode(said):
            return said
        self._problems.add(f"{place}: {str(said)[:_SHOWN]!r} is no name")
        return None

    def texts(self, said: object, place: str) -> Iterator[str]:
        """The names in a list."""
        if not isinstance(said, list):
            self._problems.add(f"{place} is no list")
            return
        for each in said:
            if (text := self.text(each, place)) is not None:
                yield text

    def number(self, said: Mapping[str, Any], *names: str, at: str) -> float | None:
        """The first amount of these names, ``None`` where there is none."""
        for name in names:
            if (value := said.get(name)) is not None:
                if not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= _MOST:
                    return value
                self._losses.add(f"{at}.{name}", value, "it is no amount: it is not known")
        return None

    def time(self, said: object, place: str) -> datetime | None:
        """A time; where no zone is said it is UTC."""
        if said is None:
            return None
        try:
            time = datetime.fromisoformat(str(said))
            return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self._losses.add(place, said, "it is no time as ISO 8601 has it: it is not known")
            return None


def is_unicode(text: str) -> bool:
    """Whether it can be written down: half a pair of surrogates cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
