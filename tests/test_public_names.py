"""What ``import perchat`` offers: complete, unambiguous, and light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import perchat

SOURCE = Path(perchat.__file__)


def imported_for_type_checkers() -> dict[str, str]:
    (block,) = (n for n in ast.parse(SOURCE.read_text()).body if isinstance(n, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module or "" for node in imports for alias in node.names}


def test_the_three_lists_of_names_agree() -> None:
    typed = imported_for_type_checkers()
    assert sorted(typed) == sorted(perchat.__all__)
    assert typed == perchat._HOME_OF


def test_names_are_unique_and_in_order() -> None:
    assert [name for name, count in Counter(perchat.__all__).items() if count > 1] == []
    assert sorted(perchat.__all__) == perchat.__all__


@pytest.mark.parametrize("name", perchat.__all__)
def test_every_name_is_there_and_public_where_it_lives(name: str) -> None:
    value = getattr(perchat, name)
    home = sys.modules[perchat._HOME_OF[name]]
    assert value is getattr(home, name)
    assert name in home.__all__
    assert name in dir(perchat)


def test_every_error_is_public() -> None:
    from perchat import errors

    assert set(errors.__all__) <= set(perchat.__all__)


def test_other_names_are_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = perchat.nonsense


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = ("asyncio", "ssl", "lxml", "cryptography", "msgspec", "perchat.client", "perchat.net")
    script = f"import sys, perchat; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_sdk_needs_neither_server_nor_store() -> None:
    script = (
        "import sys, perchat; [getattr(perchat, name) for name in perchat.__all__];"
        "print([m for m in sys.modules"
        " if m.startswith(('perchat.server', 'perchat.store', 'perchat.chat', 'perchat.cluster'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
