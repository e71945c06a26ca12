"""Public objects have public names only: those that the reference page lists and explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.classes import members_of, public_classes

PAGE = (Path(__file__).parent.parent / "docs" / "reference" / "classes.md").read_text("utf-8")
CLASSES = list(public_classes())
INTERNAL = frozenset(
    {
        "arrived",
        "carry",
        "came",
        "changed",
        "check_established",
        "commit",
        "departed",
        "dialog",
        "end",
        "ended",
        "enter",
        "finished",
        "forget",
        "hang_up",
        "hear",
        "joined",
        "line_received",
        "lives",
        "lose_track",
        "moved",
        "page_after",
        "part_later",
        "push",
        "put_out",
        "routes",
        "signed_in",
        "spawn",
        "take_up",
        "through",
        "tracer",
        "web_tls",
        "went",
    }
)


def listed(kind: type) -> set[str]:
    """Return the members that the page lists of a class."""
    _, _, section = PAGE.partition(f"\n## {kind.__name__}\n")
    return set(re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.MULTILINE))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_class_has_no_public_member_that_is_not_documented(kind: type) -> None:
    assert set(members_of(kind)) == listed(kind), "run: make reference"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_what_only_the_house_calls_does_not_show(kind: type) -> None:
    assert [name for name in members_of(kind) if name in INTERNAL] == []


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_call_and_property_says_what_it_is_for(kind: type) -> None:
    calls = {name for name in dir(kind) if not name.startswith("_")} & set(members_of(kind))
    fields = set(getattr(kind, "__dataclass_fields__", ()))
    silent = [name for name in calls - fields if not members_of(kind)[name]]
    assert silent == []
