"""The command line: run it, show progress, list the rows that nobody guards."""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

import argparse
import fnmatch
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tools.witnesses.finding import better_tests
from tools.witnesses.mutants import rows
from tools.witnesses.running import HARMLESS, Task, outcomes
from tools.witnesses.texts import changes, faults_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.witnesses.mutants import Row
    from tools.witnesses.running import Outcome

__all__ = ["main"]


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.witnesses", description=__doc__)
    parser.add_argument(
        "--row",
        action="append",
        metavar="PATTERN",
        help="rows, or mutants, that match, as R17, 'ChatMessage.*', '*#*'; may be repeated",
    )
    parser.add_argument(
        "--test",
        action="append",
        metavar="FILE::NAME",
        help="the test that has to notice, instead of those that rows name; may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=2, help="children at a time (2)")
    parser.add_argument("--list", action="store_true", help="print rows and mutants, run nothing")
    parser.add_argument(
        "--find", action="store_true", help="print better tests for what is not noticed"
    )
    parser.add_argument("--verbose", action="store_true", help="say of each mutant who notices")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Return 0 if every mutant was noticed by a test that its row names."""
    asked = _arguments(words)
    judges = tuple(tuple(test.split("::", 1)) for test in asked.test or ())
    chosen = [
        replace(row, tests=judges or row.tests) for row in rows() if _is_wanted(row, asked.row)
    ]
    if broken := [told for key in changes() if (told := faults_in(key))]:
        print(*broken, sep="\n", file=sys.stderr)
        return 2
    if asked.list:
        print(*(f"{row.label}: {mutant}" for row in chosen for mutant in row.mutants), sep="\n")
        return 0
    if asked.find:
        print(*better_tests(_names(chosen), asked.jobs), sep="\n")
        return 0
    return _report(_run(chosen, asked.jobs, verbose=asked.verbose))


def _names(chosen: Iterable[Row]) -> Iterable[str]:
    every = (mutant for row in chosen if row.page == "members" for mutant in row.mutants)
    return (
        mutant.partition("#")[0].rpartition(":")[0] or mutant.partition("#")[0] for mutant in every
    )


def _is_wanted(row: Row, patterns: Sequence[str] | None) -> bool:
    return not patterns or any(
        fnmatch.fnmatchcase(one, pattern)
        for pattern in patterns
        for one in (row.page, row.label, *row.mutants)
    )


def _run(chosen: Sequence[Row], jobs: int, *, verbose: bool) -> list[str]:
    """Return a line for each mutant that lives, each row without one, and each test that fails."""
    lines = [f"{row.label}: has no mutant" for row in chosen if not row.mutants]
    lines += [f"{row.label}: names no test" for row in chosen if not row.tests]
    named = sorted({test for row in chosen for test in row.tests})
    files = dict.fromkeys(file for file, _ in named)
    sound = [
        Task(HARMLESS, tuple(test for test in named if test[0] == file), thorough=True)
        for file in files
    ]
    for done in _watched(sound, jobs, "unchanged"):
        lines += [f"without a fault: {told}" for told in (*done.failed, *done.problems)]
    if lines:
        print(*lines, sep="\n", file=sys.stderr)
    wanted = {Task(one, row.tests): row for row in chosen for one in row.mutants if row.tests}
    for done in _watched(wanted, jobs, "mutants"):
        row = wanted[done.task]
        if verbose:
            print(_told(done), file=sys.stderr)
        if done.failed:
            continue
        if done.problems:
            lines.append(f"{row.label}: {done.task.mutant} is no mutant: {done.problems[0]}")
        else:
            tests = ", ".join(f"{file}::{test}" for file, test in row.tests)
            lines.append(f"{row.label}: {done.task.mutant} is noticed by none of {tests}")
    return lines


def _watched(tasks: Iterable[Task], jobs: int, what: str) -> Iterable[Outcome]:
    every = list(tasks)
    started = time.monotonic()
    for number, done in enumerate(outcomes(every, jobs), 1):
        if number % 20 == 0 or number == len(every):
            passed = time.monotonic() - started
            print(f"{what}: {number} of {len(every)}, {passed:.0f} s", file=sys.stderr)
        yield done


def _told(done: Outcome) -> str:
    return (
        f"{done.task.mutant} ({done.seconds:.1f} s): noticed by {done.failed},"
        f" not by {done.passed} {done.problems}"
    )


def _report(lines: Sequence[str]) -> int:
    print(*lines or ["every mutant is noticed"], sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
