"""Files from the command line, over TLS, against a server in a process of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perchat.server.config import load_config
from perchat.server.install import CONFIG_FILE
from tests.cli.commandline import CommandLine, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def up(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A domain whose rooms take files."""
    folder = tmp_path_factory.mktemp("files") / "server"
    shutil.copytree(sample, folder)
    config = load_config(folder / CONFIG_FILE)
    assert CommandLine(config)("category", "set", "Company", "--files").status == 0
    with serving(config) as (cli, _):
        yield cli


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"the plan" * 1000)
    return file


def test_a_file_is_put_into_a_room_listed_and_fetched(
    up: CommandLine, plan: Path, tmp_path: Path
) -> None:
    (uri,) = up.as_user("alice", "upload", "General", str(plan)).lines
    assert uri.startswith("ma-filelink://example.com/")
    (line, *_) = up.as_user("bob", "files", "General").lines
    assert line.split("\t")[1:] == ["Alice", "7 kilobytes", "plan.pdf", uri]
    (listed, *_) = up.as_user("bob", "files", "General", "--json").objects
    assert (listed["name"], listed["uri"]) == ("plan.pdf", uri)
    folder = tmp_path / "bobs"
    folder.mkdir()
    for file, into in (("plan.pdf", folder), (uri, folder / "same.pdf")):
        (where,) = up.as_user("bob", "download", "General", file, str(into)).lines
        assert Path(where).read_bytes() == plan.read_bytes()
    again = up.as_user("bob", "download", "General", "plan.pdf", str(folder))
    again.refused(1, "there already")


def test_standard_input_and_output_are_files_too(up: CommandLine) -> None:
    words = ("upload", "General", "-", "--name", "notes.txt", "--no-post", "--json")
    (stored,) = up.as_user("alice", *words, stdin="notes\n").objects
    fetched = up.as_user("bob", "download", "General", stored["uri"], "-")
    assert fetched.out == "notes\n"
    assert "notes.txt" not in up.as_user("bob", "files", "General").out
    up.as_user("alice", "upload", "General", "-").refused(2, "--name")


def test_what_cannot_be_done_is_told_in_a_line(up: CommandLine, plan: Path) -> None:
    up.as_user("alice", "upload", "General", str(plan.parent / "missing")).refused(2, "missing")
    up.as_user("bob", "download", "General", "nothing.txt").refused(6, "nothing.txt")
    large = plan.with_name("large")
    with large.open("wb") as file:
        file.truncate(20_000 * 1024 + 1)
    up.as_user("alice", "upload", "General", str(large)).refused(6, "20480000 are the most")


def test_a_room_without_files_refuses_them(cli: CommandLine, plan: Path) -> None:
    with serving(cli.config) as (served, _):
        served.as_user("alice", "upload", "General", str(plan)).refused(6, "can_post_files")
