"""The names of perchat.blocking are those of perchat, and its types follow from theirs."""

from __future__ import annotations

import pytest

import perchat
from perchat import blocking
from perchat.blocking.adapter import Blocking, is_asynchronous
from tools.blocking import STUB, stub

ASYNCHRONOUS = [name for name in perchat.__all__ if is_asynchronous(getattr(perchat, name))]


@pytest.mark.requirement("R69")
def test_the_names_are_those_of_the_asynchronous_face_and_one_more() -> None:
    assert blocking.__all__ == [*perchat.__all__, "timeout"]
    assert set(blocking.__all__) <= set(dir(blocking))


@pytest.mark.parametrize("name", sorted(set(perchat.__all__) - set(ASYNCHRONOUS)))
def test_values_and_errors_are_the_very_same(name: str) -> None:
    assert getattr(blocking, name) is getattr(perchat, name)


@pytest.mark.requirement("R69")
@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_what_has_to_be_awaited_has_a_twin(name: str) -> None:
    original, twin = getattr(perchat, name), getattr(blocking, name)
    assert twin is getattr(blocking, name)
    if isinstance(original, type):
        assert issubclass(twin, Blocking)
        assert (twin.__name__, twin.__doc__) == (original.__name__, original.__doc__)


def test_twins_are_related_as_their_originals() -> None:
    assert issubclass(blocking.UserEndpoint, blocking.LocalEndpoint)


def test_other_names_are_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = blocking.nonsense  # type: ignore[attr-defined]


@pytest.mark.requirement("R69")
def test_the_types_are_what_the_asynchronous_signatures_say() -> None:
    assert STUB.read_text("utf-8") == stub(), "run: make reference"


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_nothing_in_the_types_has_to_be_awaited(name: str) -> None:
    text = STUB.read_text("utf-8")
    assert f"class {name}" in text or f"def {name}(" in text
    for word in ("async ", "await", "Awaitable", "Opening", "AsyncIterator", "__aenter__"):
        assert word not in text
