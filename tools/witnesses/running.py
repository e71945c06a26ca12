"""Runs tests under a mutant: each in a child of this process, where everything is imported."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.witnesses.mutants import apply
from tools.witnesses.seen import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.witnesses.mutants import Place

__all__ = ["HARMLESS", "VARIABLE", "Outcome", "Task", "outcomes"]

HARMLESS = ""  # the mutant that is none
VARIABLE = "PERCHAT_WITNESS"  # its key, for the processes that tests start
PATIENCE = 20.0  # seconds a test may take; without a mutant what it may take anyway
DEADLINE = 240.0  # seconds the tests of a row may take


@dataclass(frozen=True, slots=True)
class Task:
    """Some tests to be run under one mutant; all of them, or until one fails."""

    mutant: str
    tests: tuple[Place, ...]
    thorough: bool = False


@dataclass(slots=True)
class Outcome:
    """How it went: the tests that failed, those that passed, and why nothing could be said."""

    task: Task
    failed: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _Notes:
    """Notes what becomes of tests, and runs the wanted ones only."""

    def __init__(self, task: Task, instead: dict[type, type]) -> None:
        self.outcome = Outcome(task)
        self._wanted = set(task.tests)
        self._instead = instead

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        items[:] = [one for one in items if _place(one) in self._wanted]
        missing = self._wanted - {_place(one) for one in items}
        self.outcome.problems += [f"there is no {file}::{name}" for file, name in missing]
        for module in {one.module for one in items}:
            for name, value in list(vars(module).items()):
                if isinstance(value, type) and value in self._instead:
                    setattr(module, name, self._instead[value])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcome.problems.append(_last_line(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup":
            if not report.passed:
                self.outcome.problems.append(_last_line(report))
        elif report.failed:
            self.outcome.failed.append(report.nodeid)
        elif report.when == "call":
            self.outcome.passed.append(report.nodeid)


def outcomes(tasks: Iterable[Task], jobs: int) -> Iterator[Outcome]:
    """Run the tests of each task under its mutant, so many at a time, and yield what became."""
    _import_everything()
    waiting, running = iter(tasks), dict[int, _Child]()
    with tempfile.TemporaryDirectory(prefix="witnesses-") as place:
        try:
            while True:
                while len(running) < jobs and (task := next(waiting, None)) is not None:
                    child = _Child(task, Path(place) / f"{time.monotonic_ns()}")
                    running[child.pid] = child
                if not running:
                    return
                for pid in [pid for pid, child in running.items() if child.is_over]:
                    yield running.pop(pid).outcome()
                time.sleep(0.01)
        finally:
            for child in running.values():
                child.end()


class _Child:
    """A process that runs one task."""

    def __init__(self, task: Task, folder: Path) -> None:
        self._task = task
        self._folder = folder
        self._started = time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            _be_child(task, folder)

    @property
    def is_over(self) -> bool:
        """Whether it has ended; one that takes too long is ended."""
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            return True
        if self._task.mutant and time.monotonic() > self._started + DEADLINE:
            self.end()
            os.waitpid(self.pid, 0)
            return True
        return False

    def outcome(self) -> Outcome:
        """Return what it wrote, once it is over; servers its tests left behind are ended."""
        self.end()
        try:
            told = json.loads((self._folder / "outcome").read_text("utf-8"))
        except (OSError, ValueError):
            told = {"problems": ["it ended without a word"]}
        shutil.rmtree(self._folder, ignore_errors=True)
        return Outcome(self._task, **told, seconds=time.monotonic() - self._started)

    def end(self) -> None:
        """End it, and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def _be_child(task: Task, folder: Path) -> None:
    """Run the tests, write what became of them, and end."""
    status = 1
    try:
        os.setsid()
        folder.mkdir()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)
        (folder / "outcome").write_text(json.dumps(_run(task, folder)), "utf-8")
        status = 0
    except BaseException:
        told = {"problems": [traceback.format_exc().strip().splitlines()[-1]]}
        (folder / "outcome").write_text(json.dumps(told), "utf-8")
    finally:
        os._exit(status)


def _run(task: Task, folder: Path) -> dict[str, list[str]]:
    instead = {}
    if task.mutant:
        _pass_on(task.mutant)
        instead = apply(task.mutant)
    notes = _Notes(task, instead)
    files = sorted({str(ROOT / file) for file, _ in task.tests}, key=_takes_long)
    words = ["-p", "no:cacheprovider", "-q"]
    words += ["--timeout", str(PATIENCE)] if task.mutant else []
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before the fork
    words += [] if task.thorough else ["-x"]
    words += [f"--basetemp={folder / 'tmp'}", f"--rootdir={ROOT}", *files]
    told = notes.outcome
    try:
        if pytest.main(words, plugins=[notes]) is pytest.ExitCode.USAGE_ERROR:
            told.problems.append("no such test")
    except (ExceptionGroup, Warning):  # what a failed test did not await, noticed at the very end
        if not told.failed:
            raise
    return {"failed": told.failed, "passed": told.passed, "problems": told.problems}


def _takes_long(file: str) -> bool:
    return "/peers/" in file


def _place(item: pytest.Function) -> Place:
    return item.path.relative_to(ROOT).as_posix(), item.originalname


def _last_line(report: pytest.CollectReport | pytest.TestReport) -> str:
    return f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}"


def _pass_on(mutant: str) -> None:
    """Have the Python programs that tests start get the mutant, too."""
    os.environ[VARIABLE] = mutant
    site = Path(__file__).with_name("site")
    paths = [str(site), str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


def _import_everything() -> None:
    """Import what children need, once; they are forked from here."""
    import perchat

    for module in pkgutil.walk_packages(perchat.__path__, "perchat."):
        with contextlib.suppress(ImportError):  # what is for another system
            importlib.import_module(module.name)
    for name in ("hypothesis", "pytest_asyncio", "pytest_timeout", "trustme", "click.testing"):
        importlib.import_module(name)
    sys.dont_write_bytecode = True
