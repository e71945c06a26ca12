"""``perchat trace FILE``: what went over the wire, as people read it."""

from __future__ import annotations

from pathlib import Path

import click

from perchat.cli.output import print_json

__all__ = ["trace"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--call", default="", metavar="ID", help="Only this call, by the start of its id.")
@click.option("--user", default="", metavar="USER", help="Only messages from or to USER.")
@click.option("--xccos", is_flag=True, help="Only messages with a document of the chat service.")
@click.option("--no-text", is_flag=True, help="Leave out what people wrote.")
@click.option("--all-headers", is_flag=True, help="Show every header, not only those that matter.")
@click.option("--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, to be sent on.")
def trace(
    *,
    file: Path,
    call: str,
    user: str,
    xccos: bool,
    no_text: bool,
    all_headers: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Show what --trace FILE recorded. Secrets are not in it; --no-text leaves texts out too."""
    from perchat.client import trace as traces  # late: --help needs none of it

    wanted = traces.TraceFilter(call, user, xccos)
    for record in traces.follow_trace(file) if follow else traces.read_trace(file):
        if not wanted.wants(record):
            continue
        shown = traces.without_text(record) if no_text else record
        if as_json:
            print_json(**shown)
        else:
            click.echo(traces.render(shown, all_headers=all_headers))
