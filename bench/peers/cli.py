"""``python -m bench peers``: ours and the others through one driver, and what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from bench.peers.goals import verdicts
from bench.peers.results import Row, figures, rows, table
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
_PROGRAMS = {
    "prosody": Path("/usr/bin/prosody"),
    "ejabberd": Path("/usr/sbin/ejabberdctl"),
    "ngircd": Path("/usr/sbin/ngircd"),
    "kamailio": Path("/usr/sbin/kamailio"),
    "py-": FOLDER / "peers-run/venv/bin/python",
}


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

    "ours" trusts the driver, "ours-ntlm" has everything signed, "ours-20-rooms" and
    "ours-20000-rooms" have so many rooms more that nobody enters; "-tls" behind a name adds
    TLS: --peer ours,ours-tls,ejabberd-tls.
    """
    if setup:
        install()
        return
    phases = {"sizes": sizes, "secs": secs, "reps": reps, "hist": hist, "rate": rate}
    options = [f"--{name}={value}" for name, value in {**phases, "patience": patience}.items()]
    wanted = peers.split(",")
    if reasons := [reason for name in wanted if (reason := missing(name))]:
        raise click.ClickException("; ".join(reasons))
    try:
        measure(find_rig(rig), wanted, options)
    except RigMissing as error:
        raise click.ClickException(str(error)) from error


def measure(rig: Path, peers: list[str], options: list[str]) -> None:
    """Measure each peer in turn, then show and note what came of it."""
    found, failed = [], []
    for peer in peers:
        try:
            found += measure_one(rig, peer, options)
        except (subprocess.CalledProcessError, OSError) as error:
            failed.append(f"{peer}: {error}")  # what others came to is not lost with it
    for line in (*table(found), "", *verdicts(found)):
        click.echo(line)
    if weak := [f"{row.peer} {row.size}" for row in found if row.disturbed]:
        click.echo(f"\nweak, for other work ran meanwhile: {', '.join(weak)}")
    note(figures(found))
    click.echo(f"\nnoted in {HISTORY}")
    failed += [f"{row.peer} with {row.size} members" for row in found if not row.complete]
    if failed:
        raise click.ClickException(f"not measured to the end, see above: {'; '.join(failed)}")


def measure_peers_here() -> None:
    """Measure ours next to those that are installed, shortly; say so where there is no rig."""
    try:
        rig = find_rig()
    except RigMissing as error:
        click.echo(f"peers: not measured: {error}")
        return
    wanted = {name: missing(name) for name in DEFAULT.split(",")}
    for reason in filter(None, wanted.values()):
        click.echo(f"peers: not measured: {reason}")
    others = [name for name, reason in wanted.items() if not reason]
    measure(rig, others, ["--sizes=150", "--secs=4", "--reps=2", "--hist=3000", "--patience=5"])


def missing(peer: str) -> str:
    """Return why a peer cannot be measured here; empty when it can."""
    name = peer.removesuffix("-tls")
    program = next((place for kind, place in _PROGRAMS.items() if name.startswith(kind)), None)
    if program is None or program.exists():
        return ""
    return f"{peer}: {program} is not there; see python -m bench peers --setup"


def measure_one(rig: Path, peer: str, options: list[str]) -> list[Row]:
    """Have a copy of the rig measure one peer; between two peers others may measure theirs."""
    name = peer.removesuffix("-tls")
    tls = ["--tls"] if name != peer else []
    known = _OURS + name.removeprefix("ours") if name.startswith("ours") else name
    with measured_alone():
        prepare(rig)
        results = run([known, *tls, *options])
        return rows([results / f"{known}{'-tls' if tls else ''}.jsonl"])


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
