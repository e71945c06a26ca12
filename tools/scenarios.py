"""
Write the table of scenarios: what the original SDK is for, and the tests that go through it.

Made of the markers ``@pytest.mark.scenario("E1")`` as the table of requirements is of its own;
``tests/test_scenarios.py`` fails while it is stale, or a row empty that should not be.
"""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

from tools.requirements import ROOT, read_rows, row, shown

__all__ = ["PAGE", "SCENARIOS", "page"]

PAGE = ROOT / "docs" / "reference" / "scenarios.md"

INTRODUCTION = """\
What the Lync Server 2013 Persistent Chat SDK is for, by its own scenarios and samples, what it says
is refused, and the tests that go through each: SDK and real server over TLS, by users of different
rights. Each of the scenarios and samples is a program in [examples](../../examples), too.

*Proven against* is as in [Requirements](requirements.md).
"""

TEXT = """\
# Scenarios
E1 A client of one's own: sign in, find rooms, join, talk, look back, go to another room.
E2 An e-mail digest of what is new in a room, for its members.
E3 Questions and answers out of a room's whole history, read by a trusted application.
E4 A moderator on its own that replaces what should not stand.
E5 A public and a secret room of one event, seen in one window.
# Samples
S1 SampleChat: make a room, post of every kind, read back, search.
S2 SampleLoadTest: many users in ten rooms, every post heard once and in one order.
S3 SampleRiamo: the rooms one is a member of, and those one manages.
S4 SampleSearchRooms: rooms found by name, category, words and every filter.
# What is refused
N1 A room where the caller may make none, under the root, or of a name that is taken.
N2 A role for who is out of scope, unknown, or no member; the creator's role.
N3 A post to an auditorium by who does not present, who knows beforehand.
N4 A file where none may be posted, or too large, or with a stale token; one that is cancelled.
N5 Others and groups, looked up by who is no system user.
N6 More people than a search returns: it says so.
N7 A member no more, or a room disabled: out at once; enabled again, it is as it was.
N8 The 76th participant: nobody is told who comes and goes, until 59 are left.
N9 A room that moves to where someone may not be: he is out, and off the list.
N10 Two managers at once: the second is told to look again.
"""

GROUPS = read_rows(TEXT)
SCENARIOS = {number: told for rows in GROUPS.values() for number, told in rows.items()}


def page() -> str:
    """Return the page as it has to be."""
    tests = shown("scenario")
    lines = ["<!-- Written by `make reference` from the markers of the tests. -->", ""]
    lines += ["# Scenarios", "", *INTRODUCTION.splitlines()]
    for group, rows in GROUPS.items():
        lines += ["", f"## {group}", "", "| | scenario | shown by | proven against |"]
        lines.append("|---|---|---|---|")
        lines += [row(number, told, tests) for number, told in rows.items()]
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")
    print(PAGE.relative_to(ROOT))
    if empty := [number for number in SCENARIOS if number not in shown("scenario")]:
        print("nothing shows:", *empty)


if __name__ == "__main__":
    main()
