"""Which mutants a row has, and how one is put on: by its key, so that other processes can, too."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import perchat
from tools.members import PAGE as MEMBERS
from tools.members import Name, members, users_on
from tools.requirements import REQUIREMENTS, shown
from tools.witnesses.faults import (
    alter_argument,
    alter_call,
    alter_class,
    alter_member,
    alter_value,
)
from tools.witnesses.texts import change, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Place", "Row", "apply", "mutants_of", "rows"]

Place: TypeAlias = tuple[str, str]
"""A test: its file and its name."""

INPUTS = {"HistoryQuery"}  # made by programs and read by the SDK alone
STREAMS = {"invitations", "state_changes", "messages", "events", "iter_history"}
FEW = 4  # members of an enumeration that are all tried in each other's place


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a page: the tests that it names, and the mutants that they have to notice."""

    page: str
    label: str
    tests: tuple[Place, ...]
    mutants: tuple[str, ...]


def rows() -> list[Row]:
    """Return the rows of both pages, but for those that say why there is nothing."""
    return [*_members(), *_requirements()]


def _members() -> Iterator[Row]:
    named = users_on(MEMBERS.read_text("utf-8"))
    for group in members().values():
        for member in filter(lambda member: member.names, group):
            mutants = [mutant for name in member.names for mutant in mutants_of(name)]
            label = f"{member.type}.{member.original}"
            yield Row("members", label, tuple(named.get(member.key, ())), tuple(mutants))


def _requirements() -> Iterator[Row]:
    tests = shown()
    for number in REQUIREMENTS:
        mutants = tuple(key for key in changes() if key.startswith(f"{number}#"))
        places = tuple((test.file, test.name) for test in tests.get(number, ()))
        yield Row("requirements", number, places, mutants)


def mutants_of(name: Name) -> list[str]:
    """Return the mutants of a name, those by text too."""
    texts = (key for key in changes() if key.startswith(f"{name}#"))
    return [*(f"{name}:{how}" for how in _faults_of(name)), *texts]


def _faults_of(name: Name) -> tuple[str, ...]:
    """Return the ways to break something, by the kind of thing it is."""
    kind = getattr(perchat, name.kind)
    if name.argument:
        return (_fault_of_argument(kind, name),)
    if not name.member:
        return () if name.kind == "MessageBuilder" else ("stranger",)
    there = inspect.getattr_static(kind, name.member, None)
    if issubclass(kind, Enum) and name.member in kind.__members__:
        return tuple(_in_its_place(kind, name.member))
    if name.kind in INPUTS:
        return ("ignored",)
    if not inspect.isfunction(there):
        return ("true", "false") if _type(kind, name.member) == "bool" else ("other", "empty")
    if name.member in STREAMS:
        return ("ended",)
    returned = there.__annotations__.get("return")
    return ("idle",) if returned in {"None", "Self"} else ("idle", "other", "empty")


def _fault_of_argument(kind: type, name: Name) -> str:
    there = getattr(kind, name.member) if name.member else kind
    default = inspect.signature(there).parameters[name.argument].default
    return "changed" if default is inspect.Parameter.empty else "ignored"


def _in_its_place(kind: type[Enum], member: str) -> Iterator[str]:
    every = list(kind.__members__)
    place = every.index(member)
    around = (every[(place + 1) % len(every)], every[place - 1])
    for instead in every if len(every) <= FEW else around:
        if instead != member:
            yield f"as {instead}"


def _type(kind: type, member: str) -> str:
    if is_dataclass(kind):
        for field in fields(kind):
            if field.name == member:
                return str(field.type)
    there = inspect.getattr_static(kind, member, None)
    return str(there.fget.__annotations__.get("return")) if isinstance(there, property) else ""


def _overriding(kind: type, member: str) -> Iterator[type]:
    subclasses: list[type] = kind.__subclasses__()
    for below in subclasses:
        if member in vars(below):
            yield below
        yield from _overriding(below, member)


def apply(key: str) -> dict[type, type]:
    """Put a mutant on, in this process; return classes that tests have to find instead."""
    if "#" in key:
        change(key)
        return {}
    text, _, how = key.rpartition(":")
    name = Name.of(text)
    kind = getattr(perchat, name.kind)
    if name.argument:
        alter_argument(kind, name.member, name.argument, how)
    elif not name.member:
        stranger = alter_class(kind, name.kind)
        setattr(perchat, name.kind, stranger)
        return {kind: stranger}
    elif how.startswith("as "):
        alter_member(kind, name.member, how[3:])
    elif name.kind in INPUTS:
        alter_argument(kind, "", name.member, how)
    else:
        for one in (kind, *_overriding(kind, name.member)):
            is_call = inspect.isfunction(inspect.getattr_static(one, name.member, None))
            (alter_call if is_call else alter_value)(one, name.member, how)
    return {}
