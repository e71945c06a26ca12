"""
Certificates revoked by OpenSSL's own authority, as users and applications meet them.

The lists are OpenSSL's: nothing of ours writes what ours has to understand.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.server import clientcertificates
from perchat.server.app import serve
from tests.cli.commandline import serving
from tests.client.server import QUICK, credential, install_sample, live
from tests.server.harness import make_sample, running
from tests.server.trusting import Trusting, make_trusting

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.server.config import ServerConfig

OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(not OPENSSL, reason="no openssl here")
R = perchat.TlsFailureReason

SETTINGS = """\
[ca]
default_ca = ours
[ours]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
certificate = {pki}/ca.pem
private_key = {pki}/ca-key.pem
"""


@dataclass(frozen=True, slots=True)
class Revoking:
    """An installation's authority in the hands of ``openssl ca``."""

    folder: Path

    @classmethod
    def of(cls, config: ServerConfig, folder: Path) -> Revoking:
        pki = config.path(config.paths.authority).parent
        folder.mkdir()
        (folder / "openssl.cnf").write_text(SETTINGS.format(pki=pki))
        (folder / "index.txt").touch()
        (folder / "crlnumber").write_text("01\n")
        made = cls(folder)
        made.publish()
        return made

    @property
    def crl(self) -> Path:
        return self.folder / "crl.pem"

    def revoke(self, certificate: Path) -> None:
        self._openssl("-revoke", str(certificate))
        self.publish()

    def publish(self, *options: str) -> None:
        self._openssl("-gencrl", "-out", "new.pem", *options)
        (self.folder / "new.pem").replace(self.crl)

    def _openssl(self, *options: str) -> None:
        command = [OPENSSL, "ca", "-config", "openssl.cnf", *options]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr


# --- users and the server's certificate ---


@pytest.mark.requirement("R16")
async def test_a_user_does_not_talk_to_a_server_whose_certificate_was_revoked(
    tmp_path: Path,
) -> None:
    config = await install_sample(tmp_path / "server")
    authority = Revoking.of(config, tmp_path / "authority")
    async with live(config) as server:
        connect = partial(
            perchat.connect_user,
            "alice@example.com",
            server=server.tls,
            ca=server.ca,
            crl=authority.crl,
            credential=credential("alice"),
            options=QUICK,
        )
        async with connect() as chat:
            assert await chat.search_rooms()
        authority.revoke(config.path(config.paths.certificate))
        with pytest.raises(perchat.TlsFailure, match="revoked") as refused:
            await connect()
    assert refused.value.reason is R.REVOKED


def test_the_command_line_looks_at_lists_where_it_is_given_some(tmp_path: Path) -> None:
    config = asyncio.run(make_sample(tmp_path / "server"))
    authority = Revoking.of(config, tmp_path / "authority")
    history = ("history", "General", "--crl", str(authority.crl))
    with serving(config) as (cli, _):
        assert cli.as_user("alice", *history).lines == []
        authority.revoke(config.path(config.paths.certificate))
        cli.as_user("alice", *history).refused(4, "revoked")


# --- the server and applications' certificates ---


async def trusting_with(folder: Path) -> tuple[ServerConfig, Path, Path, Revoking]:
    config, certificate, settings = await make_trusting(folder / "server")
    authority = Revoking.of(config, folder / "authority")
    paths = msgspec.structs.replace(config.paths, client_revocations=str(authority.crl))
    return msgspec.structs.replace(config, paths=paths), certificate, settings, authority


async def test_an_application_whose_certificate_was_revoked_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(clientcertificates, "LOOK_EVERY", 0.01)
    config, certificate, settings, authority = await trusting_with(tmp_path)
    async with running(config) as sample:
        there = Trusting(sample, certificate, settings)
        async with there.established() as standing:
            authority.revoke(certificate)
            await logged(caplog, "read again")
            with pytest.raises(perchat.TlsFailure, match="revoked") as refused:
                async with Trusting(sample, certificate, settings).established():
                    pass
            assert standing.state is perchat.EndpointState.ESTABLISHED
        async with there.user("alice") as alice:
            assert await alice.search_rooms()
    assert refused.value.reason is R.LOCAL_CERTIFICATE_UNUSABLE
    assert "revoked" in caplog.text


async def test_lists_that_cannot_be_read_leave_the_old_ones_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clientcertificates, "LOOK_EVERY", 0.01)
    config, certificate, settings, authority = await trusting_with(tmp_path)
    authority.revoke(certificate)
    async with running(config) as sample:
        authority.crl.write_text("nonsense")
        await logged(caplog, "the old ones stay")
        with pytest.raises(perchat.TlsFailure, match="revoked"):
            async with Trusting(sample, certificate, settings).established():
                pass


async def test_a_list_out_of_date_refuses_every_application(tmp_path: Path) -> None:
    config, certificate, settings, authority = await trusting_with(tmp_path)
    authority.publish("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
    async with running(config) as sample:
        there = Trusting(sample, certificate, settings)
        with pytest.raises(perchat.TlsFailure) as refused:
            async with there.established():
                pass
        async with there.user("alice") as alice:  # users show no certificate
            assert await alice.search_rooms()
    assert refused.value.reason is R.LOCAL_CERTIFICATE_UNUSABLE


async def test_a_server_does_not_start_without_the_lists_it_is_to_look_at(tmp_path: Path) -> None:
    config, *_, authority = await trusting_with(tmp_path)
    authority.crl.unlink()
    with pytest.raises(perchat.ConfigurationError, match="cannot read revocation lists"):
        await serve(config, ready=lambda _: None, stop=asyncio.Event())


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in caplog.text:
            await asyncio.sleep(0.01)
