"""``perchat profile``: which functions a profiled server was in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from perchat.errors import ConfigurationError

__all__ = ["profile"]


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--most", type=click.IntRange(1, 10_000), default=30, show_default=True, help="Functions shown."
)
def profile(file: Path, most: int) -> None:
    """
    Show the functions of a profile that perchat serve --profile wrote.

    Columns: per cent of the time in the function itself, in it and what it called, its name.
    """
    stacks = _read(file)
    total = sum(stacks.values()) or 1
    itself: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack, count in stacks.items():
        frames = stack.split(";")
        itself[frames[-1]] += count
        within.update(dict.fromkeys(frames, count))
    click.echo("   self  within  function")
    for name, count in itself.most_common(most):
        click.echo(f"{count / total:7.1%} {within[name] / total:7.1%}  {name}")


def _read(file: Path) -> Counter[str]:
    try:
        lines = file.read_text("utf-8").splitlines()
        pairs = [line.rpartition(" ") for line in lines]
        return Counter({stack: int(count) for stack, _, count in pairs})
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is not a profile of perchat serve --profile") from error
