"""The command ``perchat``: the words, and where each is done."""

from __future__ import annotations

import sys

import click

from perchat.cli.admin import category, init, room, user
from perchat.cli.chat import history, post, rooms, tail
from perchat.cli.demo import demo
from perchat.cli.serve import serve

__all__ = ["main", "perchat"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="perchat")
def perchat() -> None:
    """
    Persistent chat that you run yourself.

    Start with: perchat init DIR --domain example.com, then add users, a category and a room,
    then perchat serve. perchat demo shows all of it.
    """


for command in (init, serve, user, category, room, rooms, post, tail, history, demo):
    perchat.add_command(command)


def main() -> None:
    """Run the command line; the package's entry point."""
    perchat(prog_name="perchat")
    sys.exit(0)
