"""The tool that breaks features: its table fits the source, and it tells who notices."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tools.requirements import REQUIREMENTS
from tools.witnesses.mutants import rows
from tools.witnesses.seen import ROOT
from tools.witnesses.texts import changes, faults_in

CHANGES = changes()
ROWS = rows()


async def witnesses(*words: str) -> tuple[int | None, str]:
    """Run the tool; return its status and what it printed."""
    tool = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.witnesses", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await tool.communicate()
    return tool.returncode, out.decode()


@pytest.mark.parametrize("key", CHANGES)
def test_what_is_to_be_broken_is_there_once(key: str) -> None:
    assert faults_in(key) == ""


def test_every_fault_is_of_a_row() -> None:
    assert sorted(set(CHANGES) - {mutant for row in ROWS for mutant in row.mutants}) == []


def test_every_row_names_tests_and_has_a_mutant() -> None:
    assert [
        row.label for row in ROWS if row.page == "members" and not (row.tests and row.mutants)
    ] == []
    assert {row.label for row in ROWS if row.page == "requirements"} == set(REQUIREMENTS)


async def test_a_fault_that_the_named_test_notices_is_not_listed() -> None:
    assert await witnesses("--row", "Message.is_alert:*") == (0, "every mutant is noticed\n")


async def test_a_fault_that_no_test_notices_is_listed_with_the_tests() -> None:
    test = "tests/model/test_message.py::test_a_story_has_a_title_and_other_messages_none"
    status, out = await witnesses("--row", "Message.is_alert:*", "--test", test)
    assert status == 1
    assert sorted(out.splitlines()) == [
        f"ChatMessage.IsAlert: Message.is_alert:{value} is noticed by none of {test}"
        for value in ("false", "true")
    ]


async def test_a_test_that_fails_without_a_fault_is_listed() -> None:
    status, out = await witnesses(
        "--row", "Message.is_alert:*", "--test", "tests/nothing.py::test_it"
    )
    assert status == 1
    assert "without a fault: " in out
