"""The command ``perchat``: the words, and where each is done."""

from __future__ import annotations

import click

from perchat.cli.admin import audit, init, user
from perchat.cli.app import app
from perchat.cli.chat import history, post, rooms, tail
from perchat.cli.common import Program, log_to_stderr
from perchat.cli.demo import demo
from perchat.cli.directory import addin, group
from perchat.cli.files import download, files, upload
from perchat.cli.loadgen import loadgen
from perchat.cli.message import message
from perchat.cli.profile import profile
from perchat.cli.rooms import category, explain, room
from perchat.cli.search import search
from perchat.cli.serve import serve
from perchat.cli.status import status
from perchat.cli.trace import trace

__all__ = ["main", "perchat"]


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-v", "--verbose", is_flag=True, help="Log everything to stderr.")
@click.version_option(package_name="perchat")
def perchat(verbose: bool) -> None:
    """
    Persistent chat that you run yourself.

    Start with: perchat init DIR --domain example.com, then add users, a category and a room,
    then perchat serve. perchat demo shows all of it.
    """
    if verbose:
        log_to_stderr("debug")


for command in (
    *(init, serve, user, group, category, room, message, addin, explain, app, audit),
    *(rooms, post, tail, history, search, upload, files, download),
    *(demo, trace, loadgen, profile, status),
):
    perchat.add_command(command)


def main() -> None:
    """Run the command line; the package's entry point."""
    perchat(prog_name="perchat")
