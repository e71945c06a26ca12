"""``python -m bench peers``: ours and the others through one driver, and what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from bench.peers.goals import verdicts
from bench.peers.results import figures, rows, table
from bench.peers.rig import FOLDER, RigMissing, find_rig, measured_alone, prepare, run
from bench.record import HISTORY, note

__all__ = ["main"]

DEFAULT = "ours,py-uvloop-real,ejabberd,prosody"
PACKAGES = (
    *("prosody", "lua-dbi-sqlite3", "ejabberd", "erlang-p1-sqlite3"),
    *("sqlite3", "openssl", "libssl-dev", "gcc", "make"),
)
_POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian's packages before they start a service
_OURS = "perchat"


@click.command()
@click.option("--peer", "peers", default=DEFAULT, show_default=True, help="Whom; -tls behind one.")
@click.option("--sizes", default="30,150,1000", show_default=True, help="Members of the room.")
@click.option("--secs", type=float, default=4, show_default=True, help="Seconds of a phase.")
@click.option("--reps", type=int, default=3, show_default=True, help="The best of so many.")
@click.option("--hist", type=int, default=10000, show_default=True, help="Posts; 0: no history.")
@click.option("--rate", type=int, default=3000, show_default=True, help="Deliveries/s, fixed.")
@click.option("--patience", type=int, default=5, show_default=True, help="Seconds for quiet.")
@click.option("--rig", type=click.Path(path_type=Path), help="The rig's folder.")
@click.option("--setup", is_flag=True, help="Install the peers (as root on Debian), and end.")
def main(
    *,
    peers: str,
    sizes: str,
    secs: float,
    reps: int,
    hist: int,
    rate: int,
    patience: int,
    rig: Path | None,
    setup: bool,
) -> None:
    """
    Measure Perchat next to its peers, on this machine and now.

    "ours" trusts the driver, "ours-ntlm" has everything signed; "-tls" behind a name adds
    TLS: --peer ours,ours-tls,ejabberd-tls.
    """
    if setup:
        install()
        return
    phases = {"sizes": sizes, "secs": secs, "reps": reps, "hist": hist, "rate": rate}
    options = [f"--{name}={value}" for name, value in {**phases, "patience": patience}.items()]
    try:
        measure(find_rig(rig), peers.split(","), options)
    except (RigMissing, subprocess.CalledProcessError) as error:
        raise click.ClickException(str(error)) from error


def measure(rig: Path, peers: list[str], options: list[str]) -> None:
    """Run each peer in turn, then show and note what came of it."""
    with measured_alone():
        prepare(rig)
        files = [run_one(peer, options) for peer in peers]
        found = rows(files)
    for line in (*table(found), "", *verdicts(found)):
        click.echo(line)
    note(figures(found))
    click.echo(f"\nnoted in {HISTORY}")


def run_one(peer: str, options: list[str]) -> Path:
    """Have the rig measure one peer; return the file of the driver's lines."""
    name = peer.removesuffix("-tls")
    tls = ["--tls"] if name != peer else []
    known = _OURS + name.removeprefix("ours") if name.startswith("ours") else name
    return run([known, *tls, *options]) / f"{known}{'-tls' if tls else ''}.jsonl"


def install() -> None:
    """Install the peers, none of which may start by itself, and uvloop for the limit servers."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise click.ClickException(f"as root on Debian; elsewhere install {' '.join(PACKAGES)}")
    refusing = not _POLICY.exists()
    if refusing:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        _call("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
    finally:
        if refusing:
            _POLICY.unlink()
    place = FOLDER / "peers-run/venv"
    place.parent.mkdir(parents=True, exist_ok=True)
    _call(sys.executable, "-m", "venv", str(place))
    _call(str(place / "bin/pip"), "install", "--quiet", "uvloop")


def _call(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=environment, check=False).returncode:
        raise click.ClickException(f"failed: {' '.join(command)}")
