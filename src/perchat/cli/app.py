"""
``perchat app``: programs that are trusted by their certificate.

They sign in with no password; each acts for the users it is granted here, and no other.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import run
from perchat.cli.options import config_option, json_option, load
from perchat.cli.output import show, tell_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perchat.model.application import RegisteredApplication
    from perchat.server.applicationadmin import ApplicationAdmin

__all__ = ["app"]

_folder = click.Path(path_type=Path, file_okay=False)


def registrar(command: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Add ``--config`` and hand the command ``admin``, the register of that server."""

    @config_option
    @functools.wraps(command)
    @run
    async def wrapper(*, config_file: Path, **words: Any) -> None:
        from perchat.server.applicationadmin import application_administration  # late: heavy

        async with application_administration(load(config_file)) as admin:
            await command(admin, **words)
            tell_behind(admin.behind)

    return wrapper


@click.group()
def app() -> None:
    """Applications trusted by their certificate."""


@app.command("add")
@click.argument("name")
@click.option("--fqdn", required=True, metavar="F", help="The host it runs on.")
@click.option(
    "--port", required=True, type=click.IntRange(1, 65535), help="Where it listens there."
)
@click.option(
    "--cert-subject",
    "subjects",
    multiple=True,
    metavar="S",
    help="A host name in its certificate, F without it; may be repeated.",
)
@click.option(
    "--act-as",
    "act_as",
    required=True,
    multiple=True,
    metavar="USER",
    help="A user it may act as, and no other; may be repeated.",
)
@click.option("--gruu", metavar="G", help="Its address; made without it.")
@click.option(
    "--issue", metavar="DIR", type=_folder, help="Issue a certificate too, into DIR, with settings."
)
@config_option
@run
async def app_add(
    name: str,
    subjects: tuple[str, ...],
    issue: Path | None,
    config_file: Path,
    **properties: Any,
) -> None:
    """Trust application NAME, whose User-Agent is NAME; prints its GRUU."""
    from perchat.server import applicationadmin

    config = load(config_file)
    async with applicationadmin.application_administration(config) as admin:
        added = await admin.add(name, certificate_subjects=subjects, **properties)
        tell_behind(admin.behind)
    click.echo(added.gruu)
    if issue is not None:
        file = applicationadmin.issue_for(config, min(added.certificate_names), issue)
        settings = applicationadmin.write_settings(added, file)
        click.echo(f"wrote {file}, {settings}", err=True)


@app.command("list")
@json_option
@registrar
async def app_list(admin: ApplicationAdmin, as_json: bool) -> None:
    """List the applications. Name, host and port, whom they act as, GRUU."""
    for one in await admin.all():
        columns = (one.name, f"{one.fqdn}:{one.port}", ", ".join(sorted(one.identities)), one.gruu)
        show(as_json, *columns, **_fields(one))


@app.command("show")
@click.argument("name")
@json_option
@registrar
async def app_show(admin: ApplicationAdmin, name: str, as_json: bool) -> None:
    """Show what is registered of application NAME."""
    fields = _fields(await admin.get(name))
    if as_json:
        show(as_json, **fields)
        return
    for field, value in fields.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        show(as_json, f"{field:<14} {text}")


@app.command("rm")
@click.argument("name")
@registrar
async def app_rm(admin: ApplicationAdmin, name: str) -> None:
    """Trust application NAME no more; a running server closes its connections."""
    removed = await admin.remove(name)
    click.echo(f"removed {removed.name}")


@app.command("cert")
@click.argument("fqdn")
@click.option(
    "--out",
    metavar="DIR",
    type=_folder,
    default=Path(),
    show_default=False,
    help="Where to write it; this folder without it.",
)
@config_option
@run
async def app_cert(fqdn: str, out: Path, config_file: Path) -> None:
    """Issue a certificate for host FQDN from the server's own authority, with its key."""
    from perchat.server.applicationadmin import issue_for

    click.echo(f"wrote {issue_for(load(config_file), fqdn, out)}")


def _fields(one: RegisteredApplication) -> dict[str, object]:
    return {
        "name": one.name,
        "fqdn": one.fqdn,
        "port": one.port,
        "gruu": one.gruu,
        "cert_subjects": sorted(one.certificate_names),
        "act_as": sorted(one.identities),
    }
