"""Finds better tests for members whose named tests notice too little, among those that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.members import FOLDERS, Name
from tools.witnesses.mutants import mutants_of
from tools.witnesses.running import Task, outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tools.usage import Usage
    from tools.witnesses.mutants import Place

__all__ = ["better_tests"]

MOST = 12  # tests that are tried for a name


def better_tests(names: Iterable[str], jobs: int) -> Iterator[str]:
    """Yield lines for ``tools/witnesses.txt``: for each name the tests that notice all there is."""
    from tools.usage import usage  # needs the type checker, and time

    used = usage()
    for name in dict.fromkeys(names):
        mutants = mutants_of(Name.of(name))
        tests = _candidates(used, Name.of(name))
        noticed = {mutant: set[Place]() for mutant in mutants}
        for done in outcomes(
            [Task(mutant, tests, thorough=True) for mutant in mutants if tests], jobs
        ):
            failed = {node.partition("[")[0] for node in done.failed}
            noticed[done.task.mutant] |= {
                place for place in tests if _is_among(place, failed) and not done.problems
            }
        chosen = _cover(noticed, tests)
        yield from (f"{name} = {file}::{test}" for file, test in chosen)
        for mutant in mutants:
            if not noticed[mutant]:
                yield f"# {mutant} is noticed by none of {len(tests)} tests"


def _candidates(used: Usage, name: Name) -> tuple[Place, ...]:
    places = dict.fromkeys(place for key in name.keys for place in used.get(key, ()))
    ranked = [(FOLDERS.index(folder), place) for place in places if (folder := _folder(place))]
    return tuple(place for _, place in sorted(ranked, key=lambda one: one[0]))[:MOST]


def _folder(place: Place) -> str:
    folder = place[0].split("/")[1]
    return folder if folder in FOLDERS and folder != "peers" else ""


def _is_among(place: Place, failed: set[str]) -> bool:
    file, test = place
    return any(node.startswith(f"{file}::") and node.endswith(f"::{test}") for node in failed)


def _cover(noticed: Mapping[str, set[Place]], tests: Sequence[Place]) -> list[Place]:
    """Return few tests that notice all that is noticed at all, the first ones preferred."""
    left = {mutant for mutant, places in noticed.items() if places}
    chosen: list[Place] = []
    while left:
        best = max(tests, key=lambda test: sum(test in noticed[mutant] for mutant in left))
        chosen.append(best)
        left = {mutant for mutant in left if best not in noticed[mutant]}
    return chosen
