"""
OpenSSL's own client on the TLS port, saying what a trusted application says first.

It shows no certificate, one of another authority, one that is registered for nobody, and
the registered one; the server is a process of its own, made by the command line.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perchat.net.pki import create_authority, issue_certificate
from tests.peers.server import Installation
from tests.server.trusting import BOT, FQDN, GRUU, NAME, POOL, PORT, first_request

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENSSL = shutil.which("openssl") or ""
pytestmark = [
    pytest.mark.skipif(not OPENSSL, reason="no openssl here"),
    pytest.mark.xdist_group("openssl"),
]


@dataclass(frozen=True, slots=True)
class Port:
    """The TLS port of a running server."""

    installation: Installation
    number: int

    def ask(self, certificate: Path | None, *options: str) -> tuple[str, str, str]:
        """Send the first request; return the answer, what openssl says, and the new log."""
        before = len(self.installation.log())
        shown = () if certificate is None else ("-cert", str(certificate), "-key", str(certificate))
        command = (
            *(OPENSSL, "s_client", "-connect", f"127.0.0.1:{self.number}", "-servername", POOL),
            *("-CAfile", str(self.installation.authority), "-verify_return_error"),
            *("-verify_hostname", POOL, "-quiet", "-ign_eof", *shown, *options),
        )
        bye = first_request(method="NEGOTIATE", cseq=2, contact="")
        pipe = subprocess.PIPE
        with subprocess.Popen(  # unbuffered: what a closed end leaves unwritten stays unwritten
            command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe
        ) as peer:
            assert peer.stdin is not None
            assert peer.stdout is not None
            assert peer.stderr is not None
            with contextlib.suppress(BrokenPipeError):
                peer.stdin.write(first_request() + bye)
            answers = self._read(peer)
            peer.kill()
            said = peer.stderr.read().decode()
        return answers, said, self._logged(before)

    def _logged(self, before: int) -> str:
        """Return what was logged since; it may take a moment to get there."""
        until = time.monotonic() + 5
        while (log := self.installation.log()[before:]) == "" and time.monotonic() < until:
            time.sleep(0.01)
        return log

    def _read(self, peer: subprocess.Popen[bytes]) -> str:
        """Read until the second request is answered, or the server hangs up."""
        assert peer.stdout is not None
        lines: list[str] = []
        while line := peer.stdout.readline().decode():
            lines.append(line)
            if line.strip() == "" and any(one.startswith("CSeq: 2 ") for one in lines):
                break
        return "".join(lines).partition("CSeq: 2 ")[0]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    made = Installation(tmp_path_factory.mktemp("openssl") / "data", "contoso.com")
    made.perchat("init", str(made.folder), "--domain", made.domain, "--host", POOL)
    made.perchat("user", "add", "reportbot", "--service")
    made.perchat(
        *("app", "add", NAME, "--fqdn", FQDN, "--port", str(PORT), "--cert-subject", FQDN),
        *("--act-as", "reportbot", "--gruu", GRUU, "--issue", str(made.folder / "issued")),
    )
    made.perchat("app", "cert", "stranger.contoso.com", "--out", str(made.folder / "issued"))
    running = made.serve()
    yield Port(made, running.tls_port)
    assert running.stop() == 0
    assert "Traceback" not in made.log()


@pytest.fixture
def of_another_authority(tmp_path: Path) -> Path:
    now = datetime.now(UTC)
    issued = issue_certificate(create_authority("Another authority", now), [FQDN], now)
    file = tmp_path / "other.pem"
    file.write_bytes(issued.certificate + issued.key)
    return file


def test_without_a_certificate_it_is_a_client_and_challenged(port: Port) -> None:
    answer, _, log = port.ask(None)
    assert answer.startswith("SIP/2.0 401 ")
    assert "WWW-Authenticate: " in answer
    assert 'ms-diagnostics: 5990;reason="No certificate was shown' in answer
    assert "No certificate was shown" in log


@pytest.mark.requirement("R38")
@pytest.mark.parametrize(
    ("version", "heard"),
    [
        ("-tls1_2", r"alert unknown ca"),
        # here the request is under way already, and may cost the alert (RFC 8446 §4.4.4)
        ("-tls1_3", r"alert unknown ca|errno=104|errno=32"),
    ],
)
def test_a_certificate_of_another_authority_ends_the_handshake(
    port: Port, of_another_authority: Path, version: str, heard: str
) -> None:
    answer, said, log = port.ask(of_another_authority, version)
    assert answer == ""
    assert re.search(heard, said)
    assert "untrusted: the peer's certificate is not from an authority that is trusted" in log


@pytest.mark.requirement("R38")
def test_a_name_that_is_not_registered_is_refused(port: Port) -> None:
    answer, _, log = port.ask(port.installation.folder / "issued" / "stranger.contoso.com.pem")
    assert answer.startswith("SIP/2.0 403 ")
    why = "No application is registered with a certificate for stranger.contoso.com"
    assert f'ms-diagnostics: 5991;reason="{why}"' in answer
    assert why in log


@pytest.mark.requirement("R38")
def test_the_registered_one_is_admitted(port: Port) -> None:
    answer, _, log = port.ask(port.installation.folder / "issued" / f"{FQDN}.pem")
    assert answer.startswith("SIP/2.0 200 ")
    assert "ms-diagnostics" not in answer
    assert f"application {NAME} admitted from 127.0.0.1 by its certificate for {FQDN}" in log
    assert f"as {BOT}" in log
