"""ARCHITECTURE.md names what exists: functions, packages, contracts, tests."""

from __future__ import annotations

import configparser
import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

import perchat

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
PACKAGES = sorted(
    path.stem
    for path in Path(perchat.__file__).parent.iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
)


def contracts() -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    return {config[section]["name"] for section in config.sections() if ":" in section}


@pytest.mark.parametrize(
    ("module", "name"), sorted(set(re.findall(r"`([\w/]+)\.py`(?: · `([\w.]+)`)?", TEXT)))
)
def test_every_call_that_is_named_exists(module: str, name: str) -> None:
    if module.startswith("tests/"):
        assert (ROOT / f"{module}.py").exists()
        return
    found = importlib.import_module("perchat." + module.replace("/", "."))
    reduce(getattr, name.split(".") if name else [], found)


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "__init__"])
def test_every_package_has_a_row(package: str) -> None:
    assert f"\n| `{package}` |" in TEXT


def test_every_contract_that_is_named_exists() -> None:
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)", TEXT)) - {"Slanted"}
    assert named <= contracts()


def test_every_contract_guards_a_row_or_is_about_cycles() -> None:
    assert {name for name in contracts() if name not in TEXT} <= {"No cycles, at any depth"}


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/\w+)`|\]\((docs/[^)]+)\)", TEXT))))
def test_every_place_that_is_named_exists(path: tuple[str, str]) -> None:
    assert (ROOT / (path[0] or path[1])).exists()
