"""Trusted applications at the server: who is admitted, who is not, and what both are told."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.lync.application import ApplicationClaim, Distrust, distrust_reason
from perchat.model.application import RegisteredApplication
from perchat.model.uri import SipUri
from perchat.server.applicationadmin import application_administration, issue_for
from perchat.server.applications import Doubt, judge
from tests.server.harness import PASSWORD, request
from tests.server.trusting import BOT, DOMAIN, FQDN, GRUU, NAME, PORT, first_request, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.server.trusting import Trusting

REGISTERED = RegisteredApplication(
    NAME, FQDN, PORT, SipUri(GRUU), frozenset([FQDN]), frozenset([SipUri(BOT)])
)
ANOTHER = RegisteredApplication(
    "Other", FQDN, 4586, SipUri(f"sip:{FQDN}@{DOMAIN};gruu;opaque=srvr:Other:1"), frozenset([FQDN]),
    frozenset([SipUri(BOT)]),
)  # fmt: skip


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Trusting]:
    async with trusting(tmp_path / "server") as up:
        yield up


def claim(
    name: str = NAME, host: str = FQDN, port: int = PORT, gruu: str = GRUU
) -> ApplicationClaim:
    return ApplicationClaim((name,), host, port, gruu, BOT)


def doubt(found: RegisteredApplication | Doubt) -> Distrust:
    assert isinstance(found, Doubt)
    return found.kind


def test_what_is_registered_is_believed() -> None:
    assert judge(claim(), {FQDN, "x.contoso.com"}, [ANOTHER, REGISTERED]) is REGISTERED


@pytest.mark.requirement("R38")
@pytest.mark.parametrize(
    ("said", "names", "kind"),
    [
        (claim(), set(), Distrust.NO_CERTIFICATE),
        (claim(), {"stranger.contoso.com"}, Distrust.UNKNOWN_CERTIFICATE),
        (claim(name="Someone"), {FQDN}, Distrust.UNKNOWN_APPLICATION),
        (claim(host="server.contoso.com"), {FQDN}, Distrust.WRONG_HOST),
        (claim(port=4586), {FQDN}, Distrust.WRONG_PORT),
        (claim(gruu=ANOTHER.gruu), {FQDN}, Distrust.WRONG_GRUU),
        (claim(gruu=GRUU[:-1]), {FQDN}, Distrust.WRONG_GRUU),
    ],
)
def test_each_difference_is_told_apart(
    said: ApplicationClaim, names: set[str], kind: Distrust
) -> None:
    assert doubt(judge(said, names, [REGISTERED, ANOTHER])) is kind


def test_applications_of_one_host_are_told_apart_by_their_names() -> None:
    other = claim("Other", port=4586, gruu=ANOTHER.gruu)
    assert judge(other, {FQDN}, [REGISTERED, ANOTHER]) is ANOTHER


@pytest.mark.requirement("R38")
async def test_the_first_request_of_the_registered_application_is_answered(
    there: Trusting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "perchat.signin")
    async with there.raw(there.certificate) as peer:
        await peer.send(first_request())
        assert peer.status(await peer.answer()) == 200
    assert f"application {NAME} admitted" in caplog.text
    assert f"certificate for {FQDN}, as {BOT}" in caplog.text


@pytest.mark.requirement("R38")
@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (first_request(agent="Someone/1.0"), Distrust.UNKNOWN_APPLICATION),
        (first_request(agent=""), Distrust.UNKNOWN_APPLICATION),
        (first_request(host=f"other.contoso.com:{PORT}"), Distrust.WRONG_HOST),
        (first_request(host=FQDN), Distrust.WRONG_PORT),
        (first_request(contact=f"<{GRUU}x>"), Distrust.WRONG_GRUU),
        (first_request(user="sip:bot@contoso.com"), Distrust.NOT_A_USER),
        (first_request(user="sip:bot@elsewhere.example"), Distrust.NOT_A_USER),
        (first_request(user="sip:alice@contoso.com"), Distrust.NOT_GRANTED),
    ],
)
async def test_each_mismatch_has_its_answer_and_its_line_in_the_log(
    there: Trusting, caplog: pytest.LogCaptureFixture, sent: bytes, kind: Distrust
) -> None:
    async with there.raw(there.certificate) as peer:
        await peer.send(sent)
        answer = (await peer.answer()).decode()
        assert answer.startswith("SIP/2.0 403 ")
        found = re.search(r'ms-diagnostics: (\d+);reason="([^"]+)"', answer)
        assert found is not None
        assert int(found[1]) == kind
        assert "not trusted as an application's, OPTIONS of sip:" in caplog.text
        assert found[2] in caplog.text
        await peer.send(first_request(cseq=2))  # put right, it is admitted on the same connection
        assert peer.status(await peer.answer()) == 200


async def test_without_a_certificate_it_is_challenged_and_told_why(there: Trusting) -> None:
    async with there.raw() as peer:
        await peer.send(first_request())
        answer = (await peer.answer()).decode()
        assert answer.startswith("SIP/2.0 401 ")
        assert "WWW-Authenticate: NTLM" in answer
        assert f"ms-diagnostics: {int(Distrust.NO_CERTIFICATE)};" in answer


async def test_a_certificate_that_is_registered_for_nobody_makes_an_ordinary_client(
    there: Trusting, tmp_path: Path
) -> None:
    stranger = issue_for(there.sample.config, "stranger.contoso.com", tmp_path / "stranger")
    async with there.raw(stranger) as peer:
        await peer.send(first_request())
        assert b" 403 " in await peer.answer()
        await peer.send(request("SUBSCRIBE", "sip:alice@contoso.com"))
        answer = (await peer.answer()).decode()
        assert answer.startswith("SIP/2.0 401 ")
        assert "WWW-Authenticate: NTLM" in answer


async def test_a_request_that_claims_nothing_is_a_clients_whatever_the_certificate(
    there: Trusting,
) -> None:
    async with there.raw(there.certificate) as peer:
        await peer.send(first_request(contact="", method="SUBSCRIBE"))
        assert b" 401 " in await peer.answer()


@pytest.mark.requirement("R40", "R43")
async def test_every_request_has_to_be_in_a_granted_users_name(there: Trusting) -> None:
    async with there.raw(there.certificate) as peer:
        await peer.send(first_request())
        assert b" 200 " in await peer.answer()
        await peer.send(first_request(cseq=2, user="sip:alice@contoso.com", contact=""))
        answer = (await peer.answer()).decode()
        assert f"ms-diagnostics: {int(Distrust.NOT_GRANTED)};" in answer
        await peer.send(first_request(cseq=3, contact=""))
        assert b" 200 " in await peer.answer()


async def test_what_a_peer_asserts_of_users_counts_for_nothing(there: Trusting) -> None:
    asserted = ("P-Asserted-Identity: <sip:alice@contoso.com>", "ms-user-data: ms-publiccloud=true")
    async with there.raw() as peer:
        await peer.send(first_request(contact="", method="SUBSCRIBE", extra=asserted))
        assert b" 401 " in await peer.answer()
    async with there.raw(there.certificate) as peer:
        await peer.send(first_request(user="sip:alice@contoso.com", extra=asserted))
        assert f"{int(Distrust.NOT_GRANTED)};".encode() in await peer.answer()


async def test_a_user_signs_in_with_a_password_from_the_applications_host(there: Trusting) -> None:
    async with there.platform() as platform:
        user = perchat.UserEndpoint(
            platform,
            "sip:alice@contoso.com",
            server="127.0.0.1",
            port=there.sample.tls[1],
            credential=perchat.PasswordCredential("alice@contoso.com", PASSWORD),
        )
        async with user:
            assert user._signed_in._proving.initiator.established


@pytest.mark.requirement("R43")
async def test_a_running_server_follows_the_register(there: Trusting) -> None:
    async with (
        there.established() as endpoint,
        application_administration(there.sample.config) as register,
    ):
        changes = endpoint.state_changes()
        await register.remove(NAME)
        async with asyncio.timeout(1):
            async for change in changes:
                last = change
        assert last.state is perchat.EndpointState.TERMINATED
    with pytest.raises(perchat.AuthenticationError) as caught:
        async with there.established():
            pass
    assert caught.value.reason is perchat.AuthenticationReason.UNTRUSTED_CERTIFICATE
    async with application_administration(there.sample.config) as register:
        await register.add(NAME, fqdn=FQDN, port=PORT, act_as=["reportbot", "alice"], gruu=GRUU)
    async with asyncio.timeout(2):
        while True:
            try:
                async with there.established("sip:alice@contoso.com"):
                    break
            except perchat.AuthenticationError:
                await asyncio.sleep(0.05)


@pytest.mark.requirement("R43")
async def test_a_user_that_is_disabled_is_not_acted_as_any_more(there: Trusting) -> None:
    async with there.chatting() as chat, there.sample.admin() as admin:
        changes = chat.state_changes()
        await admin.set_user("reportbot", enabled=False)
        async with asyncio.timeout(2):
            async for change in changes:
                last = change
        assert last.state is perchat.ConnectionState.TERMINATED


async def test_on_plain_tcp_nobody_is_trusted(there: Trusting) -> None:
    from tests.server.harness import raw

    async with raw(there.sample.tcp) as peer:
        await peer.send(first_request())
        assert b" 401 " in await peer.answer()


def test_the_how_to_lists_every_reason_and_its_id() -> None:
    page = Path(__file__).parents[2] / "docs" / "howto" / "trusted-applications.md"
    told = re.findall(r"^\| ([^|]+) \| (\d{4}) \|", page.read_text(), re.MULTILINE)
    assert {int(number): words for words, number in told} == {
        int(kind): distrust_reason(int(kind)).value  # type: ignore[union-attr]
        for kind in Distrust
    }
