"""A real DNS server, dnsmasq, on a port of its own and with records of the test's making."""

from __future__ import annotations

import getpass
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from perchat.net.resolver import DnsResolver
from tests.net.material import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["nameserver"]


@contextmanager
def nameserver(
    folder: Path, *, services: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Iterator[DnsResolver]:
    """
    Run dnsmasq and give a resolver that asks it alone.

    ``services`` are ``name,target,port,priority,weight``, ``hosts`` lines of a hosts file.
    It answers for ``example`` and nothing else.
    """
    file = folder / "hosts"
    file.write_text("".join(f"{line}\n" for line in hosts))
    port = _free_port()
    command = [
        program("dnsmasq", "dnsmasq-base"),
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file",
        "--log-facility=-",
        f"--user={getpass.getuser()}",
        "--no-resolv",
        "--no-hosts",
        f"--addn-hosts={file}",
        "--local=/example/",
        f"--port={port}",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        *(f"--srv-host={service}" for service in services),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            _wait_until_it_has_read(server)
            yield DnsResolver(["127.0.0.1"], port=port, lifetime=5)
        finally:
            server.terminate()


def _wait_until_it_has_read(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        said.append(line)
        if "read " in line and "hosts" in line:  # the last thing that it does before serving
            return
    pytest.fail(f"dnsmasq ended: {''.join(said)}")


def _free_port() -> int:
    """Return a port that is free for both UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
