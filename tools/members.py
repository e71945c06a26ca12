"""
Write the table of members: every one of the original SDK, its name here, and who uses it.

What stands for what is in ``members.txt``. Which tests use it is read off the tests with the
type checker's help (``usage.py``), which takes half a minute; ``tests/test_members.py`` holds
the page to the table and to the tests in no time.
"""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import perchat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["PAGE", "Member", "Name", "Users", "members", "page", "users_on"]

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "members.md"
TABLE = Path(__file__).with_name("members.txt")
FOLDERS = ("scenarios", "peers", "requirements", "client", "server", "model")  # most telling first
MOST = 3  # tests named in a row
WITNESSES = Path(__file__).with_name("witnesses.txt")

INTRODUCTION = """\
Every type and member of the Lync Server 2013 Persistent Chat SDK that has to do with chat, what it
is called in `perchat`, and the tests that use it, as the type checker sees them. A pair of `Begin…`
and `End…` is one coroutine. `name(argument)` is an argument of a call. Of UCMA there is what
connecting needs; the way of thinking is in [From the Lync SDK](../howto/from-lync-sdk.md), errors
in [Errors](errors.md).
"""

_NAME = re.compile(r"(?P<kind>\w+)(?:\.(?P<member>\w+))?(?:\((?P<argument>\w+)\))?")
_LINK = re.compile(r"\[[^]]*\]\(\.\./\.\./(?P<file>[\w/]+\.py)#(?P<test>\w+)\)")

Users: TypeAlias = "Mapping[tuple[str, str], Sequence[tuple[str, str]]]"
"""The tests, by type of the original and what its row says there."""


@dataclass(frozen=True, slots=True)
class Name:
    """What something is called here: a type, a member of it, or an argument of either."""

    kind: str
    member: str = ""
    argument: str = ""

    @classmethod
    def of(cls, text: str) -> Name:
        """Read ``kind``, ``kind.member``, ``kind(argument)`` or ``kind.member(argument)``."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError(f"not a name: {text!r}")
        return cls(*(part or "" for part in found.group("kind", "member", "argument")))

    def __str__(self) -> str:
        member = f".{self.member}" if self.member else ""
        return f"{self.kind}{member}{f'({self.argument})' if self.argument else ''}"

    @property
    def exists(self) -> bool:
        """Whether it can be imported and found."""
        found = getattr(perchat, self.kind, None)
        if found is not None and self.member:
            found = getattr(found, self.member, self._documented(found))
        if found is None or not self.argument:
            return found is not None
        return self.argument in inspect.signature(found).parameters

    def _documented(self, kind: object) -> object:
        """Return what a docstring says of an attribute that only instances have."""
        return re.search(rf"^ +{self.member}: ", inspect.getdoc(kind) or "", re.MULTILINE)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What it is in a ``Usage``; a field counts where a value is made with it, too."""
        kind = getattr(perchat, self.kind)
        full = f"{kind.__module__}.{kind.__qualname__}"
        if self.argument:
            return ((full, f"{self.member}({self.argument})"),)
        if self.member:
            return ((full, self.member), (full, f"({self.member})"))
        return ((full, ""),)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the original, what it is here, and a remark; the reason where it is nothing."""

    type: str
    original: str
    names: tuple[Name, ...]
    remark: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return (self.type, self.original)


def members() -> dict[str, list[Member]]:
    """Return the table, by heading."""
    groups: dict[str, list[Member]] = {}
    kind = ""
    for line in filter(None, TABLE.read_text("utf-8").splitlines()):
        if line.startswith("## "):
            group = groups[line[3:]] = []
        elif line.startswith("# "):
            kind = line[2:]
        else:
            group.append(_member(kind, line))
    return groups


def _member(kind: str, line: str) -> Member:
    original, _, here = line.partition(" = ")
    if here.startswith("- "):
        return Member(kind, original, (), here[2:])
    names, _, remark = here.partition(" ; ")
    return Member(kind, original, tuple(map(Name.of, names.split(", "))), remark)


def page(users: Users) -> str:
    """Return the page as it has to be."""
    lines = ["<!-- Written by `make reference` from tools/members.txt and the tests. -->", ""]
    lines += ["# Members of the original SDK", "", *INTRODUCTION.splitlines()]
    for heading, rows in members().items():
        lines += ["", f"## {heading}"]
        for kind in dict.fromkeys(row.type for row in rows):
            lines += ["", f"### {kind}", "", "| there | here | used by |", "|---|---|---|"]
            lines += [_row(row, users) for row in rows if row.type == kind]
    return "\n".join([*lines, ""])


def users_on(text: str) -> Users:
    """Return the tests that a page names."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    kind = ""
    for line in text.splitlines():
        if line.startswith("### "):
            kind = line[4:]
        elif line.startswith("| `"):
            original = line.split("`", 2)[1]
            found[kind, original] = [(one["file"], one["test"]) for one in _LINK.finditer(line)]
    return found


def _row(member: Member, users: Users) -> str:
    here = ", ".join(f"`{name}`" for name in member.names) or "—"
    remark = f" ({member.remark})" if member.remark else ""
    tests = "; ".join(
        f"[{test.removeprefix('test_').replace('_', ' ')}](../../{file}#{test})"
        for file, test in users.get(member.key, ())
    )
    return f"| `{member.original}` | {here}{remark} | {tests} |"


def _all_users() -> Iterator[tuple[tuple[str, str], list[tuple[str, str]]]]:
    from tools.usage import usage  # needs the type checker, and time

    used, witnesses = usage(), _witnesses()
    for rows in members().values():
        for member in rows:
            places = [
                witnesses.get(str(name))
                or _best([place for key in name.keys for place in used.get(key, ())])
                for name in member.names
            ]
            for name, found in zip(member.names, places, strict=True):
                if not found:
                    print("nobody uses", name)
            yield member.key, list(dict.fromkeys(place for some in places for place in some))[:MOST]


def _witnesses() -> dict[str, list[tuple[str, str]]]:
    """Return the tests that were found to notice when something breaks, by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in filter(None, WITNESSES.read_text("utf-8").splitlines()):
        name, _, test = line.partition(" = ")
        file, _, function = test.partition("::")
        found.setdefault(name, []).append((file, function))
    return found


def _best(places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the tests that tell most, of those that use the SDK."""
    ranked = [(FOLDERS.index(folder), place) for place in places if (folder := _folder(place))]
    return [place for _, place in sorted(ranked, key=lambda one: one[0])][:1]


def _folder(place: tuple[str, str]) -> str | None:
    folder = place[0].split("/")[1]
    return folder if folder in FOLDERS else None


def main() -> None:
    """Write the page."""
    for rows in members().values():
        for name in (name for member in rows for name in member.names):
            if not name.exists:
                raise SystemExit(f"perchat has no {name}")
    users = dict(_all_users())
    PAGE.write_text(page(users), "utf-8")
    print(PAGE.relative_to(ROOT))


if __name__ == "__main__":
    main()
