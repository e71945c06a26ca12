"""Every member of the original SDK has a name here or a reason, and a test that uses it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tools.members import PAGE, Member, Name, members, page, users_on

ROOT = Path(__file__).parent.parent
ROWS = [member for rows in members().values() for member in rows]
TEXT = PAGE.read_text("utf-8")
USERS = users_on(TEXT)


@cache
def sources_of(file: str) -> dict[str, str]:
    """Return the source of each test of a file."""
    source = (ROOT / file).read_text("utf-8")
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def is_named(name: Name, source: str) -> bool:
    """Tell whether a test can be about something: values are made without naming fields."""
    return (name.member or name.kind) in source or name.kind in source


@pytest.mark.parametrize("member", ROWS, ids=lambda member: ".".join(member.key))
def test_it_is_there_or_has_a_reason_not_to_be(member: Member) -> None:
    assert [str(name) for name in member.names if not name.exists] == []
    assert member.names or member.remark
    if member.names:
        assert USERS.get(member.key), f"nobody uses {member.names}"


@pytest.mark.parametrize("member", ROWS, ids=lambda member: ".".join(member.key))
def test_the_tests_that_are_named_are_about_it(member: Member) -> None:
    for file, test in USERS.get(member.key, ()):
        source = sources_of(file).get(test)
        assert source is not None, f"{file} has no {test}: run make reference"
        assert any(is_named(name, source) for name in member.names), f"{test} of {file}"


def test_no_member_stands_twice() -> None:
    assert len({member.key for member in ROWS}) == len(ROWS)


def test_the_page_is_what_the_table_says() -> None:
    assert page(USERS) == TEXT, "run: make reference"


def test_a_name_that_is_none_is_not_taken_for_one() -> None:
    assert Name.of("ChatRoomSession.post(alert)").exists
    for wrong in ("Nonsense", "Message.nonsense", "ChatRoomSession.post(nonsense)"):
        assert not Name.of(wrong).exists
    with pytest.raises(ValueError, match="not a name"):
        Name.of("a b")
