"""Fixtures of the command line's tests: a sample domain, stopped or served."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from perchat.server.config import load_config
from perchat.server.install import CONFIG_FILE
from tests.cli.commandline import CommandLine, serving
from tests.server.harness import make_sample

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from perchat.server.config import ServerConfig


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sample domain, to be copied."""
    return asyncio.run(make_sample(tmp_path_factory.mktemp("sample") / "server")).folder


@pytest.fixture
def config(sample: Path, tmp_path: Path) -> ServerConfig:
    """A sample domain of this test alone."""
    return _copied(sample, tmp_path / "server")


@pytest.fixture
def cli(config: ServerConfig) -> CommandLine:
    """Commands on a domain whose server is stopped."""
    return CommandLine(config)


@pytest.fixture(scope="module")
def up(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Commands on a domain that is served, shared by the tests of a module."""
    with serving(_copied(sample, tmp_path_factory.mktemp("up") / "server")) as (cli, _):
        yield cli


@pytest.fixture
def served(config: ServerConfig) -> Iterator[tuple[CommandLine, subprocess.Popen[str]]]:
    """Commands on a domain of this test alone, and the process that serves it."""
    with serving(config) as both:
        yield both


def _copied(sample: Path, folder: Path) -> ServerConfig:
    shutil.copytree(sample, folder)
    return load_config(folder / CONFIG_FILE)
