"""A profile shows the functions a server was in, and not those in which it waited."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError
from perchat.server.profiling import Sampler
from tests.cli.commandline import CommandLine, ended

if TYPE_CHECKING:
    from pathlib import Path


def work_hard(sampler: Sampler) -> None:
    """Work until it was seen a few times; on a busy machine that takes a while."""
    patience = time.monotonic() + 30
    while seen(sampler) < 3 and time.monotonic() < patience:
        sum(range(1000))


def seen(sampler: Sampler) -> int:
    return sum(count for stack, count in dict(sampler._stacks).items() if "work_hard" in stack)


def test_who_works_is_seen_and_who_waits_is_not(tmp_path: Path) -> None:
    done = threading.Event()
    waiter = threading.Thread(target=done.wait, name="waiter")
    with Sampler(tmp_path / "profile", interval=0.002) as sampler:
        waiter.start()
        work_hard(sampler)
        done.set()
        waiter.join()
    stacks = (tmp_path / "profile").read_text().splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in stacks if "work_hard" in line) >= 3
    assert not [line for line in stacks if line.startswith("waiter;")]


def test_work_in_other_threads_is_seen_as_theirs(tmp_path: Path) -> None:
    with Sampler(tmp_path / "profile", interval=0.002) as sampler:
        worker = threading.Thread(target=work_hard, args=(sampler,), name="worker")
        worker.start()
        while worker.is_alive():
            worker.join(0.01)  # signals are taken between two waits
    stacks = (tmp_path / "profile").read_text().splitlines()
    assert any(line.startswith("worker;") and "work_hard" in line for line in stacks)


def test_a_file_that_cannot_be_written_is_told_before_the_server_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot write"):
        Sampler(tmp_path / "none" / "profile")


def test_different_stacks_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perchat.server.profiling._STACKS", 1)
    sampler = Sampler(tmp_path / "profile")
    for stack in ("a;b", "a;c", "a;b", "a;d"):
        sampler._count(stack)
    assert sampler._stacks == {"a;b": 2, "(other stacks)": 2}


def test_a_server_is_profiled_from_start_to_end(tmp_path: Path, cli: CommandLine) -> None:
    file = tmp_path / "profile"
    server = cli.start("serve", "--tls-port", "0", "--tcp-port", "0", "--profile", str(file))
    assert server.stdout is not None
    assert "ready" in server.stdout.readline()
    server.terminate()
    done = ended(server)
    assert (done.status, "profile: " in done.err) == (0, True)
    shown = cli("profile", str(file), "--most", "5").lines
    assert shown[0].split() == ["self", "within", "function"]
    assert len(shown) <= 6


def test_what_is_no_profile_is_told(tmp_path: Path, cli: CommandLine) -> None:
    cli("profile", str(tmp_path / "none")).refused(3, "none")
    (tmp_path / "odd").write_text("what is\nthis?")
    cli("profile", str(tmp_path / "odd")).refused(3, "not a profile")


def test_the_dearest_function_stands_first(tmp_path: Path, cli: CommandLine) -> None:
    (tmp_path / "profile").write_text("main;a;b 30\nmain;a 10\nmain;c;b 10\n")
    shown = [line.split() for line in cli("profile", str(tmp_path / "profile")).lines]
    assert shown[1:] == [["80.0%", "80.0%", "b"], ["20.0%", "80.0%", "a"]]
