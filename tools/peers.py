"""
Make the foreign peers ready: programs nobody here wrote, which our tests talk to.

Peers are Debian packages. Where this runs as root beside apt, what is missing is
installed; elsewhere it is named. Continuous integration refuses to go without.

The driver of pidgin-sipe is ours (``tests/peers/sipe``) but links libraries under the
GPL, so what is built from it stays out of the repository, in the user's cache.
"""

# ruff: noqa: S603, T201  (a tool starts programs and talks to people)

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CURL", "LOAD", "PEERS", "Peer", "PeerUnavailable", "driver_folder", "sipe_driver"]

SOURCES = Path(__file__).parent.parent / "tests" / "peers" / "sipe"


class PeerUnavailable(Exception):
    """A peer cannot run here; the message names the packages that are missing."""


@dataclass(frozen=True, slots=True)
class Peer:
    """
    A foreign program and what it needs.

    Attributes:
        packages: Debian packages, all of them needed.

    """

    name: str
    packages: tuple[str, ...]

    def missing(self) -> tuple[str, ...]:
        """Return the packages that are not installed."""
        return tuple(package for package in self.packages if not _installed(package))

    def require(self) -> None:
        """Raise PeerUnavailable unless every package is here."""
        if missing := self.missing():
            raise PeerUnavailable(f"{self.name} needs Debian's {', '.join(missing)}")


SIPE = Peer(
    "pidgin-sipe",
    (
        "pidgin-sipe",
        "libpurple0",
        "libpurple-dev",
        "libxml2-dev",
        "gcc",
        "libc6-dev",
        "make",
        "pkg-config",
    ),
)
SIPP = Peer("SIPp", ("sip-tester",))
OPENSSL = Peer("openssl", ("openssl",))
DNSMASQ = Peer("dnsmasq", ("dnsmasq-base",))
CURL = Peer("curl", ("curl",))
LOAD = Peer("the driver of measurements", ("gcc", "libc6-dev", "libssl-dev", "make"))
KERBEROS = Peer(
    "MIT Kerberos",
    (
        "krb5-kdc",
        "krb5-admin-server",
        "krb5-user",
        "libkrb5-dev",
        "python3-dev",
        "gcc",
        "libc6-dev",
    ),
)
PEERS = (SIPE, SIPP, OPENSSL, DNSMASQ, CURL, LOAD, KERBEROS)

_PROVIDED_BY = {
    # where another distribution (or a hand-made build) brings the program itself
    "gcc": "gcc",
    "make": "make",
    "pkg-config": "pkg-config",
    "sip-tester": "sipp",
    "openssl": "openssl",
    "dnsmasq-base": "dnsmasq",
    "curl": "curl",
}


def _installed(package: str) -> bool:
    program = _PROVIDED_BY.get(package)
    if program is not None:
        return shutil.which(program) is not None
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "installed"


def driver_folder() -> Path:
    """Return where the driver of pidgin-sipe is built: one folder for each state of its source."""
    if chosen := os.environ.get("PERCHAT_PEERS_DIR"):
        return Path(chosen)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parts = sorted(path for path in SOURCES.iterdir() if path.suffix == ".c")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()
    return cache / "perchat" / f"sipe-{digest[:12]}"


def sipe_driver() -> Path:
    """Return the driver of pidgin-sipe, built if it is not; several callers may ask at once."""
    SIPE.require()
    folder = driver_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make = ["make", "-C", str(SOURCES), f"OUT={folder}"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        built = subprocess.run(make, capture_output=True, text=True, env=environment, check=False)
    if built.returncode:
        raise PeerUnavailable(f"the pidgin-sipe driver does not build:\n{built.stderr}")
    return folder / "sipe-rig"


def _install(packages: list[str]) -> None:
    """Install Debian packages; the package lists are fetched only now, when they are needed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (
        ["apt-get", "update", "-qq"],
        [
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=120",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            *packages,
        ],
    )
    for command in commands:
        subprocess.run(  # its talk goes to stderr, so that stdout stays ours
            command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )


def _kerberos_library() -> None:
    """Build and install the optional library that speaks Kerberos, at its locked version."""
    if importlib.util.find_spec("gssapi") is not None:
        return
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "sync", "--frozen", "--quiet", "--inexact", "--extra", "kerberos"]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:
        raise PeerUnavailable("the library gssapi does not build; see above")


_MADE_READY = {"pidgin-sipe": sipe_driver, "MIT Kerberos": _kerberos_library}


def _problem(peer: Peer) -> str:
    try:
        peer.require()
        if ready := _MADE_READY.get(peer.name):
            ready()
    except PeerUnavailable as problem:
        return str(problem)
    return ""


def main() -> int:
    """Install what may be installed, say what is there, and fail under CI if anything is not."""
    wanted = list(dict.fromkeys(package for peer in PEERS for package in peer.missing()))
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        print("peers: installing", *wanted, flush=True)
        _install(wanted)
    problems = [sentence for peer in PEERS if (sentence := _problem(peer))]
    for sentence in problems:
        print(f"peers: missing: {sentence}; its tests are skipped", file=sys.stderr)
    if not problems:
        print("peers:", ", ".join(peer.name for peer in PEERS), "are ready")
    return 1 if problems and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
