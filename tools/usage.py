"""
Which tests use which members of the SDK, as the type checker sees it.

mypy knows the type of every receiver, so ``room.name`` counts for the session, the message or
the category that it is. What stands in a test function counts for that test.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mypy.build import build
from mypy.main import process_options
from mypy.nodes import CallExpr, ClassDef, Decorator, FuncDef, LambdaExpr, RefExpr, TypeInfo
from mypy.traverser import all_name_and_member_expressions
from mypy.types import (
    CallableType,
    Instance,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy.nodes import Expression, Statement
    from mypy.types import Type

__all__ = ["Place", "Usage", "usage"]

ROOT = Path(__file__).parent.parent
Place: TypeAlias = tuple[str, str]
"""A test: its file and its name."""

Usage: TypeAlias = dict[tuple[str, str], list[Place]]
"""
The tests by class, with its module, and member.

A parameter is ``method(parameter)``, one of a constructor ``(parameter)``, the class itself "".
"""


def usage(folder: str = "tests") -> Usage:
    """Return who uses what, in the order of the tests; takes as long as checking them anew."""
    words = ["--explicit-package-bases", "--cache-dir=/dev/null", "--no-warn-unused-ignores"]
    words.append(str(ROOT / folder))  # what is unused there, make check says
    sources, options = process_options(words)
    options.export_types = options.preserve_asts = True
    options.incremental = False
    found = build(sources, options)
    if found.errors:
        raise SystemExit("\n".join(found.errors))
    reader = _Reader(found.types)
    for source in sorted(sources, key=lambda source: source.path or ""):
        file = Path(source.path or "").resolve().relative_to(ROOT)
        if file.name.startswith("test_"):
            for test in _tests(found.files[source.module].defs):
                reader.read(test, (file.as_posix(), test.name))
    return reader.used


def _tests(statements: Iterable[Statement]) -> Iterator[FuncDef]:
    for statement in statements:
        match statement:
            case ClassDef():
                yield from _tests(statement.defs.body)
            case Decorator(func=func) | (FuncDef() as func) if func.name.startswith("test_"):
                yield func
            case _:
                pass


class _Reader:
    """Goes through tests, one after the other."""

    def __init__(self, types: Mapping[Expression, Type]) -> None:
        self.used: Usage = {}
        self._types = types
        self._calls = {one.callee: one for one in types if isinstance(one, CallExpr)}

    def read(self, test: FuncDef, place: Place) -> None:
        """Note what a test uses."""
        names, members = all_name_and_member_expressions(LambdaExpr([], test.body))
        for one in (*names, *members):
            for made in self._made_by(one):
                self._note(made, "", place)
                self._note_arguments(made, "", one, place)
        for member in members:
            for info in self._receivers(member.expr):
                self._note(info, member.name, place)
                self._note_arguments(info, member.name, member, place)

    # --- inside ---

    def _note_arguments(self, info: TypeInfo, name: str, callee: RefExpr, place: Place) -> None:
        call = self._calls.get(callee)
        if call is None:
            return
        type_ = get_proper_type(self._types.get(callee))
        named = type_.arg_names if isinstance(type_, CallableType) else []
        for number, given in enumerate(call.arg_names):
            if parameter := given or (named[number] if number < len(named) else None):
                self._note(info, f"{name}({parameter})", place)

    def _made_by(self, callee: RefExpr) -> list[TypeInfo]:
        """Return the class that is named, or that a name stands for."""
        if isinstance(callee.node, TypeInfo):
            return [callee.node]
        type_ = get_proper_type(self._types.get(callee))
        is_class = isinstance(type_, CallableType) and type_.is_type_obj()
        return list(_classes(type_)) if is_class else []

    def _receivers(self, expression: Expression) -> list[TypeInfo]:
        if isinstance(expression, RefExpr) and isinstance(expression.node, TypeInfo):
            return [expression.node]
        return list(_classes(self._types.get(expression)))

    def _note(self, info: TypeInfo, member: str, place: Place) -> None:
        for base in info.mro:
            if base.fullname.startswith("perchat."):
                places = self.used.setdefault((base.fullname, member), [])
                if place not in places:
                    places.append(place)


def _classes(type_: Type | None) -> Iterator[TypeInfo]:
    match get_proper_type(type_):
        case Instance(type=info):
            yield info
        case UnionType(items=items):
            for item in items:
                yield from _classes(item)
        case TypeType(item=item):
            yield from _classes(item)
        case TypeVarType(upper_bound=bound):
            yield from _classes(bound)
        case CallableType() as callable_ if callable_.is_type_obj():
            yield callable_.type_object()
        case _:
            return
