"""The face of this room loads late and says what it does not have."""

from __future__ import annotations

import pytest

import holotype.catalog


def test_every_name_can_be_found_and_completed() -> None:
    names: list[str] = vars(holotype.catalog)["__all__"]
    assert set(names) <= set(dir(holotype.catalog))
    for name in names:
        assert getattr(holotype.catalog, name) is getattr(holotype.catalog, name)


def test_a_name_that_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Catalogue'"):
        getattr(holotype.catalog, "Catalogue")  # noqa: B009 - a checker would see it


def test_an_error_has_what_it_is_about_and_nothing_else() -> None:
    error = holotype.catalog.ObjectMissing("it is gone", key="a/b")
    assert error.key == "a/b"
    assert dict(error.about) == {"key": "a/b"}
    with pytest.raises(AttributeError, match="ObjectMissing has no attribute 'segment'"):
        error.segment  # noqa: B018 - asking is the test
