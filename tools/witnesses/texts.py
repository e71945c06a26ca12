"""
Mutants that are a change of text, made while a module is imported.

``requirements.toml`` has them by the row they belong to: ``file``, what is ``old`` there, exactly
once, and what is ``new`` instead.
"""

from __future__ import annotations

import importlib
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

from tools.witnesses.seen import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

__all__ = ["Change", "change", "changes", "faults_in"]

TABLES = tuple(sorted(Path(__file__).parent.glob("*.toml")))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one module's text; several parts belong to one fault."""

    file: str
    parts: tuple[tuple[str, str], ...]

    @property
    def module(self) -> str:
        """What the module is imported as."""
        place = self.file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
        return place.replace("/", ".")

    def on(self, text: str) -> str:
        """Return the text changed; ValueError where what is to change is not there once."""
        for old, new in self.parts:
            if text.count(old) != 1:
                raise ValueError(f"{self.file} has {text.count(old)} times, not once: {old!r}")
            text = text.replace(old, new)
        return text


@cache
def changes() -> dict[str, Change]:
    """Return all of them by key: the row, ``#``, and a word or two on what breaks."""
    found: dict[str, Change] = {}
    for table in TABLES:
        for row, faults in tomllib.loads(table.read_text("utf-8")).items():
            for told, fault in faults.items():
                old, new = fault["old"], fault["new"]
                parts = ((old, new),) if isinstance(old, str) else tuple(zip(old, new, strict=True))
                found[f"{row}#{told}"] = Change(fault["file"], parts)
    return found


def faults_in(key: str) -> str:
    """Return what is wrong with a change, empty if it can be made."""
    one = changes()[key]
    try:
        compile(one.on((ROOT / one.file).read_text("utf-8")), one.file, "exec")
    except (OSError, ValueError, SyntaxError) as error:
        return f"{key}: {error}"
    return ""


def change(key: str) -> None:
    """Have a module imported with its change; perchat is imported anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "perchat"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.meta_path.insert(0, _Finder(changes()[key]))


class _Finder(MetaPathFinder):
    """Finds the one module."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._change.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(self._change, fullname, spec.origin)
        return spec


class _Loader(SourceFileLoader):
    """Compiles the changed text, and leaves no bytecode of it."""

    def __init__(self, change: Change, name: str, path: str) -> None:
        super().__init__(name, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text("utf-8")
        return compile(self._change.on(text), self.path, "exec", dont_inherit=True)
