"""``perchat serve``: run the server in the foreground, as service managers want it."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perchat.cli.common import log_to_stderr, run
from perchat.cli.options import config_option, load, trace_option
from perchat.cli.output import print_json
from perchat.errors import ConnectionFailure, OperationFailure

if TYPE_CHECKING:
    from asyncio import Event

    from perchat.server.app import Addresses

__all__ = ["serve", "stop_signals"]

_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--tls-port", type=click.IntRange(0, 65535), help="Instead of the settings' port.")
@click.option("--tcp-port", type=click.IntRange(0, 65535), help="Instead of the settings' port.")
@click.option("--https-port", type=click.IntRange(0, 65535), help="Instead of the settings' port.")
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
@click.option(
    "--profile",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE where the time went, at the end; see perchat profile.",
)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="Run even where the database lacks what was written last, as a restored copy does.",
)
@trace_option
@config_option
@run
async def serve(
    tls_port: int | None,
    tcp_port: int | None,
    https_port: int | None,
    log_level: str,
    profile: Path | None,
    accept_loss: bool,
    trace: Path | None,
    config_file: Path,
) -> None:
    """
    Run the server until SIGTERM or Ctrl-C.

    Prints one line of JSON when every listener is up; the log goes to stderr.
    """
    from perchat.server.app import serve as run_server
    from perchat.server.config import with_ports

    log_to_stderr(log_level)
    config = with_ports(load(config_file), tls=tls_port, tcp=tcp_port, https=https_port)
    try:
        with _profiled(profile), _traced(trace):
            await run_server(config, ready=_announce, stop=stop_signals(), accept_loss=accept_loss)
    except ConnectionFailure as error:
        raise OperationFailure(
            f"{error}; end what listens there, or choose another with --tls-port, --tcp-port,"
            " --https-port"
        ) from error


def _profiled(file: Path | None) -> contextlib.AbstractContextManager[object]:
    if file is None:
        return contextlib.nullcontext()
    from perchat.server.profiling import Sampler  # late: few profile

    return Sampler(file)


def _traced(file: Path | None) -> contextlib.AbstractContextManager[None]:
    if file is None:
        return contextlib.nullcontext()
    from perchat.client.trace import tracing_to  # late: few trace

    return tracing_to(file)


def stop_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set."""
    import asyncio

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _announce(addresses: Addresses) -> None:
    ready = {
        "sip_tls": addresses.sip_tls,
        "sip_tcp": addresses.sip_tcp,
        "https": addresses.https,
        "http": addresses.http,
    }
    print_json(event="ready", **{name: at for name, at in ready.items() if at})
