"""List every public class of ``perchat`` with its public members: what completion shows."""

from __future__ import annotations

import ast
import enum
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import perchat

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["classes_page", "members_of", "public_classes"]

INTRODUCTION = """\
# Classes

Every class that `import perchat` offers, exceptions and enumerations apart, and every member of it
that is meant to be used. What is not here begins with an underscore and may change at any time.
How they go together is in the [tutorial](../tutorial/first-steps.md); exceptions are in
[Errors](errors.md)."""


def public_classes() -> Iterator[type]:
    """Yield the classes that the page lists, in the order of their names."""
    for name in perchat.__all__:
        value = getattr(perchat, name)
        if isinstance(value, type) and not issubclass(value, (BaseException, enum.Enum)):
            yield value


def members_of(kind: type) -> dict[str, str]:
    """Return the public members of a class and its instances, with the first line on each."""
    names = {name for name in dir(kind) if not name.startswith("_")}
    names |= {name for one in kind.__mro__ for name in _assigned(one)}
    if is_dataclass(kind):
        names |= {one.name for one in fields(kind)}
    built_in = (base for base in kind.__mro__ if base.__module__ == "builtins")
    inherited = {name for base in built_in for name in dir(base)}
    return {name: _summary(kind, name) for name in sorted(names - inherited)}


def _assigned(kind: type) -> Iterator[str]:
    """Yield the public attributes that a class of ours gives its instances."""
    if not kind.__module__.startswith("perchat."):
        return
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
            and not node.attr.startswith("_")
        ):
            yield node.attr


def _summary(kind: type, name: str) -> str:
    """Return the first sentence on a member; attributes are told of by their class."""
    value = inspect.getattr_static(kind, name, None)
    member = getattr(value, "__func__", value)
    if not (isinstance(member, property) or inspect.isfunction(member)):
        return ""
    doc = inspect.getdoc(member) or _inherited(kind, name)
    return " ".join(doc.partition("\n\n")[0].split())


def _inherited(kind: type, name: str) -> str:
    found = (inspect.getdoc(getattr(base, name, None)) for base in kind.__mro__[1:])
    return next((doc for doc in found if doc), "")


def classes_page() -> str:
    """Return the page."""
    lines = [INTRODUCTION]
    for kind in public_classes():
        doc = " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())
        lines += ["", f"## {kind.__name__}", "", doc, "", "| member | |", "|---|---|"]
        lines += [
            f"| `{name}` | {summary.replace('|', '&#124;')} |"
            for name, summary in members_of(kind).items()
        ]
    return "\n".join(lines)
