"""``perchat demo``: a sample server, a walk through it, and what to try next."""

from __future__ import annotations

from pathlib import Path

import click

from perchat.cli.common import log_to_stderr, run
from perchat.cli.serve import stop_signals

__all__ = ["demo"]


@click.command()
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the sample server lives; made if it is not there.",
)
@click.option("--exit", "leave", is_flag=True, help="End after the walk.")
@run
async def demo(folder: Path, leave: bool) -> None:
    """Run a sample server, walk through it, and keep it running until Ctrl-C."""
    from perchat.cli import walk  # late: it loads server and client

    log_to_stderr("warning")
    stop = stop_signals()
    config, password = await walk.sample(folder)
    async with walk.running(config, stop) as addresses:
        await walk.walk(config, addresses, password)
        if not leave:
            walk.next_steps(folder, addresses)
            await stop.wait()
