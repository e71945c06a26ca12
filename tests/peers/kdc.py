"""
A real MIT key distribution centre on the loopback, with a realm of a test's own.

It listens on a port above 1024 and keeps everything in one folder, so that neither
root nor the machine's own Kerberos settings are needed or touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Kdc", "kerberos_missing", "realm_of", "set_clock_offset"]

STARTED_WITHIN = 10.0
_PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_CACHE_HEAD = struct.Struct(">HH")  # version and length of the head (ccache format 4)
_TIME_OFFSET = struct.Struct(">HHii")  # tag 1, length 8: seconds and microseconds

_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 1
    default_ccache_name = FILE:{folder}/nobody
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
"""
_KDC_CONF = """\
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        max_life = 10h
        supported_enctypes = aes256-cts:normal
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


def kerberos_missing() -> tuple[str, ...]:
    """Return what Kerberos needs and is not here: MIT's programs, and the library gssapi."""
    programs = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    return (*programs, *(["the library gssapi"] if find_spec("gssapi") is None else []))


@contextlib.contextmanager
def realm_of(folder: Path, realm: str) -> Iterator[Kdc]:
    """Serve a realm, and live in it, for as long as the block runs."""
    kdc = Kdc.start(folder, realm)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("KRB5CCNAME", raising=False)
            for name, value in kdc.environment.items():
                patch.setenv(name, value)
            yield kdc
    finally:
        kdc.stop()


@dataclass(frozen=True, slots=True)
class Kdc:
    """
    A realm and the process that serves it.

    Attributes:
        environment: What a program needs in its environment to live in this realm.

    """

    folder: Path
    realm: str
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, folder: Path, realm: str) -> Self:
        """Make the realm and serve it; ready when it listens."""
        port = _free_port()
        for name, text in (("krb5.conf", _KRB5_CONF), ("kdc.conf", _KDC_CONF)):
            (folder / name).write_text(text.format(realm=realm, folder=folder, port=port))
        environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "KRB5RCACHEDIR": str(folder),
        }
        _run(environment, "kdb5_util", "create", "-r", realm, "-s", "-P", "master")
        log = (folder / "kdc.out").open("wb")
        with log:
            process = subprocess.Popen(
                [_program("krb5kdc"), "-n"],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        _wait_until_listening(process, port)
        return cls(folder, realm, port, environment, process)

    def stop(self) -> None:
        """End the process; the realm can no longer be asked."""
        self.process.terminate()
        self.process.wait(STARTED_WITHIN)

    def add(self, *principals: str) -> None:
        """Add people; the password is the principal's name."""
        for principal in principals:
            self._administer(f"addprinc -pw {principal} {principal}")

    def add_service(self, principal: str, keytab: Path) -> None:
        """Add a service and write its key to a keytab."""
        self._administer(f"addprinc -randkey {principal}")
        self._administer(f"ktadd -k {keytab} {principal}")

    def change_key(self, principal: str) -> None:
        """Give a service a new key, of which existing keytabs know nothing."""
        self._administer(f"cpw -randkey {principal}")

    def remove(self, principal: str) -> None:
        """Forget a principal."""
        self._administer(f"delprinc -force {principal}")

    def ticket(self, principal: str, name: str = "", *, life: str = "1h") -> Path:
        """Log a person on, as ``kinit`` does; return the ticket cache."""
        cache = self.folder / f"cache-{name or principal}"
        words = ("kinit", "-c", f"FILE:{cache}", "-l", life, principal)
        _run(self.environment, *words, stdin=f"{principal}\n")
        return cache

    def _administer(self, query: str) -> None:
        _run(self.environment, "kadmin.local", "-r", self.realm, "-q", query)


def set_clock_offset(cache: Path, seconds: int) -> None:
    """Let whoever uses a ticket cache believe that the KDC's clock is ``seconds`` ahead."""
    data = cache.read_bytes()
    version, length = _CACHE_HEAD.unpack_from(data)
    head = _TIME_OFFSET.pack(1, 8, seconds, 0)
    rest = data[_CACHE_HEAD.size + length :]
    cache.write_bytes(_CACHE_HEAD.pack(version, len(head)) + head + rest)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until it can be asked; it tells nobody when that is."""
    deadline = time.monotonic() + STARTED_WITHIN
    while not _is_open(port):
        assert process.poll() is None, f"krb5kdc ended with {process.returncode}"
        assert time.monotonic() < deadline, "krb5kdc does not listen"
        time.sleep(0.01)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(environment: dict[str, str], program: str, *words: str, stdin: str = "") -> None:
    done = subprocess.run(
        [_program(program), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=STARTED_WITHIN,
        env={**os.environ, **environment},
        check=False,
    )
    failed = done.returncode or "while" in done.stderr  # kadmin.local ends with 0 all the same
    assert not failed, f"{program} {' '.join(words)}\n{done.stdout}{done.stderr}"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    assert found, f"{name} is not installed"
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
