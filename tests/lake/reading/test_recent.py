"""What was used last is kept, within a limit."""

from __future__ import annotations

from holotype.lake.recent import Recent


def test_the_last_used_are_kept() -> None:
    kept = Recent[str, int](2)
    for key in "abc":
        assert kept.put(key, ord(key)) == ord(key)
    assert [key for key, _ in kept.items()] == ["b", "c"]
    assert (kept.get("a"), kept.get("b")) == (None, 98)
    kept.put("d", 1)
    assert [key for key, _ in kept.items()] == ["b", "d"]


def test_who_was_first_wins() -> None:
    kept = Recent[str, int](2)
    assert [kept.put("a", 1), kept.put("a", 2), kept.get("a")] == [1, 1, 1]


def test_values_have_weights() -> None:
    kept = Recent[str, str](5, weigh=len)
    for text in ("aa", "bbb", "c"):
        kept.put(text, text)
    assert [key for key, _ in kept.items()] == ["bbb", "c"]
    kept.put("too long", "too long")
    assert [key for key, _ in kept.items()] == ["bbb", "c"]
