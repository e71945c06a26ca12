"""
Write the types of ``perchat.blocking`` from the signatures of the asynchronous names.

``make reference`` rewrites ``src/perchat/blocking/__init__.pyi``; ``tests/blocking`` fails
while it is stale. What is ``async`` there is not here, ``Opening[X]`` and ``Awaitable[X]``
are ``X``, asynchronous iterators are iterators; methods that concern parts which are not
public are left out.
"""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import perchat
from perchat.blocking.adapter import is_asynchronous

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STUB", "stub"]

STUB = Path(perchat.__file__).parent / "blocking" / "__init__.pyi"
NOTE = "# Written by `make reference` from the asynchronous signatures; change those."

_HOMES = perchat._HOME_OF  # noqa: SLF001 - the package's own table of its names
_RENAMED = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
_UNWRAPPED = frozenset({"Opening", "Awaitable"})  # of X: X
_SYNCHRONOUS = {"AsyncIterator": "Iterator", "AsyncIterable": "Iterable"}
_ABC = "collections.abc"
_INSIDE = "perchat.client"  # what is public of it has its name in perchat
_WIRE = "perchat.xccos"
_INTERNAL = frozenset({"AsyncExitStack"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class NotPublicError(Exception):
    """A signature names something that users never see."""


def stub() -> str:
    """Return the file as it has to be."""
    writer = Writer()
    body = [writer.definition(name) for name in _in_order()]
    names = "".join(f"    {name!r},\n" for name in [*perchat.__all__, "timeout"])
    text = "\n".join(
        [
            NOTE,
            *sorted(writer.imports),
            f"__all__ = [\n{names}]",
            *sorted(writer.variables),
            *body,
            "def timeout(seconds: float) -> AbstractContextManager[None]: ...",
        ]
    )
    return _formatted(text)


class Writer:
    """Turns definitions into those of the stub and gathers what they need."""

    def __init__(self) -> None:
        self.imports = {"from contextlib import AbstractContextManager"}
        self.variables: set[str] = set()
        for name in perchat.__all__:
            if not is_asynchronous(getattr(perchat, name)):
                self.imports.add(f"from {_HOMES[name]} import {name} as {name}")

    def definition(self, name: str) -> str:
        """Return the stub of an asynchronous class or function."""
        module = _HOMES[name]
        node = _definitions(module)[name]
        if isinstance(node, ast.ClassDef):
            return self._class(module, node)
        functions = [one for one in _tree(module).body if isinstance(one, _Function)]
        same = [one for one in functions if one.name == name]
        shown = [one for one in same if _is_overload(one)] or same
        return "\n".join(self._function(module, one) for one in shown)

    # --- classes ---

    def _class(self, module: str, node: ast.ClassDef) -> str:
        bases, members = self._parts(module, node)
        body = "\n".join(members.values()) or "..."
        inside = "\n".join(f"    {line}" for line in body.splitlines())
        return f"class {node.name}({', '.join(dict.fromkeys(bases))}):\n{inside}"

    def _parts(self, module: str, node: ast.ClassDef) -> tuple[list[str], dict[str, str]]:
        """Return public bases and members; bases that are not public are as if written here."""
        bases: list[str] = []
        inherited: dict[str, str] = {}
        for base in node.bases:
            name = ast.unparse(base).partition("[")[0]
            home, real = _origin(module, name) or ("", name)
            if name in perchat.__all__:
                bases.append(name)
            elif home.startswith("perchat."):
                inner = _definitions(home)[real]
                assert isinstance(inner, ast.ClassDef), name
                more, members = self._parts(home, inner)
                bases += more
                inherited |= members
            elif name == "Generic" and self._is_generic(node):
                bases.append(self._annotation(module, base))
        return bases, inherited | dict(self._members(module, node))

    def _is_generic(self, node: ast.ClassDef) -> bool:
        return node.name in perchat.__all__

    def _members(self, module: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
        functions = [one for one in node.body if isinstance(one, _Function)]
        overloaded = {one.name for one in functions if _is_overload(one)}
        for number, statement in enumerate(functions):
            if statement.name in overloaded and not _is_overload(statement):
                continue
            if _is_shown(statement.name):
                if statement.name == "__init__":
                    yield from self._attributes(module, statement)
                setter = any("setter" in ast.unparse(one) for one in statement.decorator_list)
                before = set(self.imports), set(self.variables)
                try:
                    text = self._function(module, statement)
                except NotPublicError:
                    self.imports, self.variables = before
                    continue
                mark = "setter" if setter else number if statement.name in overloaded else ""
                yield f"{statement.name} {mark}", text

    def _attributes(self, module: str, init: _Function) -> Iterator[tuple[str, str]]:
        parameters = {a.arg: a.annotation for a in [*init.args.args, *init.args.kwonlyargs]}
        for statement in ast.walk(init):
            match statement:
                case ast.Assign(targets=[ast.Attribute(attr=name)]) if not name.startswith("_"):
                    kind = self._annotation(module, _kind_of(statement.value, parameters))
                    yield name, f"{name}: {kind}"
                case _:
                    pass

    # --- functions ---

    def _function(self, module: str, node: _Function) -> str:
        decorators = [f"@{ast.unparse(one)}\n" for one in node.decorator_list]
        name = _RENAMED.get(node.name, node.name)
        result = "" if node.returns is None else f" -> {self._annotation(module, node.returns)}"
        if "@asynccontextmanager\n" in decorators:
            decorators = ["@contextmanager\n"]
            self.imports.add("from contextlib import contextmanager")
        written = [one for one in decorators if "abstractmethod" not in one]
        if "@overload\n" in written:
            self.imports.add("from typing import overload")
        return f"{''.join(written)}def {name}({self._arguments(module, node.args)}){result}: ..."

    def _arguments(self, module: str, arguments: ast.arguments) -> str:
        for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if one.annotation is not None:
                one.annotation = self._translated(module, one.annotation)
        plain: Any = ast.Constant(...)
        arguments.defaults = [one if _is_simple(one) else plain for one in arguments.defaults]
        arguments.kw_defaults = [
            one if one is None or _is_simple(one) else plain for one in arguments.kw_defaults
        ]
        return ast.unparse(arguments)

    # --- annotations ---

    def _annotation(self, module: str, node: ast.expr) -> str:
        return ast.unparse(self._translated(module, node))

    def _translated(self, module: str, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant(value=str(text)):
                return self._translated(module, ast.parse(text, mode="eval").body)
            case ast.Subscript(value=ast.Name(id=name)) if name in _UNWRAPPED:
                return self._translated(module, node.slice)
            case ast.Name():
                return ast.Name(self._name(module, node.id))
            case _:
                for field, value in ast.iter_fields(node):
                    if isinstance(value, ast.expr):
                        setattr(node, field, self._translated(module, value))
                    elif isinstance(value, list):
                        setattr(node, field, [self._translated(module, one) for one in value])
                return node

    def _name(self, module: str, name: str) -> str:
        origin = _origin(module, name)
        if origin is None or (name in perchat.__all__):
            return name
        home, real = origin
        if name in _SYNCHRONOUS:
            self.imports.add(f"from {_ABC} import {_SYNCHRONOUS[name]}")
            return _SYNCHRONOUS[name]
        if home.startswith(_WIRE):
            raise NotPublicError(name)
        if home == module and _is_type_variable(module, name):
            if _value(module, name).__bound__ is not None:
                raise NotPublicError(name)
            self.imports.add("from typing import TypeVar")
            self.variables.add(f'{name} = TypeVar("{name}")')
            return name
        if name in _INTERNAL or (home.startswith(_INSIDE) and isinstance(_value(home, real), type)):
            raise NotPublicError(name)
        if not home:
            self.imports.add(f"import {name}")
            return name
        alias = "" if name == real else f" as {name}"
        self.imports.add(f"from {home} import {real}{alias}")
        return name


def _in_order() -> list[str]:
    """Return the asynchronous names, bases before what stands on them."""
    names = [name for name in perchat.__all__ if is_asynchronous(getattr(perchat, name))]
    return sorted(names, key=lambda name: (len(getattr(_public(name), "__mro__", ())), name))


def _public(name: str) -> Any:
    return getattr(perchat, name)


def _value(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@cache
def _definitions(module: str) -> dict[str, ast.ClassDef | _Function]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in _tree(module).body if isinstance(node, kinds)}


@cache
def _origin(module: str, name: str) -> tuple[str, str] | None:
    """Return where a module has a name from, and what it is called there; None if built in."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import) and any(name == one.name for one in node.names):
            return "", name
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                if name == (one.asname or one.name):
                    return node.module or "", one.name
    return (module, name) if hasattr(importlib.import_module(module), name) else None


def _is_type_variable(module: str, name: str) -> bool:
    return type(_value(module, name)).__name__ == "TypeVar"


def _is_shown(name: str) -> bool:
    return name == "__init__" or name in _RENAMED or not name.startswith("_")


def _is_overload(function: _Function) -> bool:
    return any("overload" in ast.unparse(one) for one in function.decorator_list)


def _is_simple(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _kind_of(value: ast.expr, parameters: dict[str, ast.expr | None]) -> ast.expr:
    """Return the type of a public attribute from what it is set to."""
    match value:
        case ast.Name(id=name) if parameters.get(name) is not None:
            kind = parameters[name]
            assert kind is not None, name
            return kind
        case ast.Constant():
            return ast.Name(type(value.value).__name__)
        case ast.BoolOp(op=ast.Or(), values=[_, ast.Constant() as last]):
            return ast.Name(type(last.value).__name__)
        case _:
            pass
    raise TypeError(f"the type of an attribute set to {ast.unparse(value)!r} is not known")


def _formatted(text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    name = f"--stdin-filename={STUB}"
    for words in (["check", "--select=I,PYI", "--fix", "--quiet"], ["format", "--quiet"]):
        command = [*ruff, *words, name, "-"]
        done = subprocess.run(  # noqa: S603 - our own linter
            command, input=text, capture_output=True, text=True, check=False
        )
        text = done.stdout
        assert text, done.stderr
    return text


def main() -> None:
    """Write the stub."""
    STUB.write_text(stub(), "utf-8")
    print(STUB.relative_to(Path.cwd()) if STUB.is_relative_to(Path.cwd()) else STUB)


if __name__ == "__main__":
    main()
