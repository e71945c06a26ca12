"""
Single sign-on against a real KDC: our SDK and the real pidgin-sipe, by tickets.

The server runs inside the test's loop, with its key in a keytab that MIT's own tools wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat.client.signin import UserSignIn
from perchat.errors import AuthenticationReason
from perchat.server.app import serve
from perchat.testing.peers import SipeAccount, SipeClient, SipeFailure
from tests.peers.conftest import without
from tests.peers.kdc import kerberos_missing, realm_of, set_clock_offset
from tests.server.harness import DOMAIN, PASSWORD, make_sample, running
from tools.peers import PeerUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from perchat.server.config import ServerConfig
    from tests.peers.kdc import Kdc
    from tests.server.harness import Sample

pytestmark = pytest.mark.xdist_group("sipe")

REALM = "EXAMPLE.COM"
SERVICE = "sip/sip.example.com"
PEOPLE = ("alice", "bob", "carol")
HOUR = 3600


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    """A realm with three people and the server's service; this process lives in it."""
    if missing := kerberos_missing():
        without(PeerUnavailable(f"Kerberos needs {', '.join(missing)}"))
    with realm_of(tmp_path_factory.mktemp("kdc"), REALM) as made:
        made.add(*PEOPLE)
        made.add_service(SERVICE, made.folder / "keytab")
        yield made


@pytest.fixture
async def config(kdc: Kdc, tmp_path: Path) -> ServerConfig:
    """A domain whose server takes tickets, and passwords of those without."""
    made = await make_sample(tmp_path / "data")
    return with_sign_in(made, protocols=("kerberos", "ntlm"), keytab=str(kdc.folder / "keytab"))


def with_sign_in(config: ServerConfig, **changes: object) -> ServerConfig:
    sign_in = msgspec.structs.replace(config.sign_in, **changes)
    return msgspec.structs.replace(config, sign_in=sign_in)


@pytest.fixture
async def server(config: ServerConfig) -> AsyncIterator[Sample]:
    async with running(config) as sample:
        yield sample


def single_sign_on(cache: Path) -> perchat.SystemCredential:
    return perchat.SystemCredential(f"FILE:{cache}")


def chat(
    server: Sample, name: str, credential: perchat.Credential, association: float = 8 * HOUR
) -> contextlib.AbstractAsyncContextManager[perchat.PersistentChatEndpoint]:
    timers = perchat.ClientTimers(association=association)
    return perchat.connect_user(
        f"sip:{name}@{DOMAIN}",
        server="127.0.0.1",
        port=server.tls[1],
        ca=server.ca,
        credential=credential,
        options=perchat.EndpointOptions(timers=timers),
    )


@contextlib.asynccontextmanager
async def endpoint(
    server: Sample,
    name: str,
    credential: perchat.Credential,
    allowed: perchat.AuthProtocol = perchat.AuthProtocol.NTLM | perchat.AuthProtocol.KERBEROS,
    timers: perchat.ClientTimers | None = None,
) -> AsyncIterator[perchat.UserEndpoint]:
    platform = perchat.CollaborationPlatform.client(ca=server.ca, allowed_auth=allowed)
    async with (
        platform,
        perchat.UserEndpoint(
            platform,
            f"sip:{name}@{DOMAIN}",
            server=f"127.0.0.1:{server.tls[1]}",
            credential=credential,
            options=perchat.EndpointOptions(timers=timers or perchat.ClientTimers()),
        ) as made,
    ):
        yield made


async def refused(
    server: Sample, name: str, credential: perchat.Credential
) -> perchat.AuthenticationError:
    """Return why a sign-in fails."""
    with pytest.raises(perchat.AuthenticationError) as caught:
        async with endpoint(server, name, credential):
            pass
    return caught.value


def scheme_of(signed_in: perchat.UserEndpoint) -> str:
    association = signed_in._signed_in._proving.initiator.association
    assert association is not None
    return association.scheme


def pidgin(server: Sample, kdc: Kdc, name: str, cache: Path | None) -> SipeAccount:
    """Return how ``name`` signs in with pidgin by a ticket; it wants a password all the same."""
    tickets = f"FILE:{cache or kdc.folder / 'nobody'}"
    return SipeAccount(
        uri=f"sip:{name}@{DOMAIN}",
        login=name,
        password="unused",
        port=server.tcp[1],
        scheme="krb5",
        single_sign_on=True,
        environment={**kdc.environment, "KRB5CCNAME": tickets},
    )


# --- it works ---


@pytest.mark.requirement("R22")
async def test_the_logged_on_user_signs_in_joins_and_posts(kdc: Kdc, server: Sample) -> None:
    async with (
        chat(server, "alice", single_sign_on(kdc.ticket("alice"))) as hers,
        chat(server, "bob", single_sign_on(kdc.ticket("bob"))) as his,
        hers.join("General") as talking,
        his.join("General") as listening,
    ):
        heard = listening.messages(include_own=False)
        await talking.post("no password was typed")
        async with asyncio.timeout(10):
            message = await anext(heard)
    assert (str(message.author), message.text) == ("sip:alice@example.com", "no password was typed")


@pytest.mark.scenario("E1")
async def test_a_password_and_a_ticket_lead_to_the_same_rooms(kdc: Kdc, server: Sample) -> None:
    by_password = perchat.PasswordCredential(f"alice@{DOMAIN}", PASSWORD)
    lists = []
    for credential in (by_password, single_sign_on(kdc.ticket("alice"))):
        async with chat(server, "alice", credential) as hers:
            every = (hers.search_rooms(), hers.my_rooms(), hers.rooms_i_manage())
            lists.append([await rooms for rooms in every])
    assert lists[0] == lists[1]
    assert [room.name for room in lists[0][1]] == ["General", "Private"]


@pytest.mark.requirement("R22")
async def test_the_environment_s_ticket_cache_is_used_unless_another_is_named(
    kdc: Kdc, server: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{kdc.ticket('alice')}")
    async with endpoint(server, "alice", perchat.SystemCredential()) as signed_in:
        assert scheme_of(signed_in) == "Kerberos"


@pytest.mark.requirement("R22", "R28")
async def test_pidgin_signs_in_by_its_ticket_joins_and_chats(
    kdc: Kdc, server: Sample, driver: Path, tmp_path: Path
) -> None:
    log = tmp_path / "sipe.log"
    account = pidgin(server, kdc, "alice", kdc.ticket("alice"))
    async with (
        SipeClient(driver, account, log=log) as alice,
        chat(server, "bob", single_sign_on(kdc.ticket("bob"))) as his,
        his.join("General") as session,
    ):
        await alice.join("General")
        heard = session.messages(include_own=False)
        await alice.send("from pidgin, by ticket")
        await alice.hears("from pidgin, by ticket")
        async with asyncio.timeout(10):
            assert (await anext(heard)).text == "from pidgin, by ticket"
        await session.post("and back")
        await alice.hears("and back")
        await alice.leave()
        assert alice.complaints() == []
    assert "Authorization: Kerberos qop=" in log.read_text(errors="replace")


async def test_each_client_takes_its_own_of_the_protocols_offered(
    kdc: Kdc, server: Sample, driver: Path
) -> None:
    carol_by_ntlm = replace(
        pidgin(server, kdc, "carol", None),
        scheme="ntlm",
        single_sign_on=False,
        password=PASSWORD,
    )
    async with (
        SipeClient(driver, carol_by_ntlm) as carol,
        endpoint(server, "alice", single_sign_on(kdc.ticket("alice"))) as alice,
        endpoint(server, "bob", perchat.PasswordCredential("bob", PASSWORD)) as bob,
    ):
        await carol.ready()
        assert (scheme_of(alice), scheme_of(bob)) == ("Kerberos", "NTLM")


# --- who it is ---


async def test_a_principal_of_another_name_is_who_the_table_says(
    kdc: Kdc, config: ServerConfig
) -> None:
    changed = with_sign_in(config, kerberos_users={f"bob@{REALM}": "alice"})
    async with running(changed) as server:
        async with endpoint(server, "alice", single_sign_on(kdc.ticket("bob"))):
            pass
        error = await refused(server, "bob", single_sign_on(kdc.ticket("bob")))
    assert error.reason is AuthenticationReason.UNAUTHORIZED_ACCESS


@pytest.mark.requirement("R23")
async def test_a_ticket_signs_in_as_its_principal_alone(kdc: Kdc, server: Sample) -> None:
    error = await refused(server, "bob", single_sign_on(kdc.ticket("alice")))
    assert error.reason is AuthenticationReason.UNAUTHORIZED_ACCESS
    assert (error.status, error.diagnostics.code) == (403, 4004)


async def test_pidgin_too_signs_in_as_its_principal_alone(
    kdc: Kdc, server: Sample, driver: Path
) -> None:
    with pytest.raises(SipeFailure):
        async with SipeClient(driver, pidgin(server, kdc, "bob", kdc.ticket("alice"))):
            pass


# --- what goes wrong ---


@pytest.mark.requirement("R24")
async def test_without_a_ticket_the_way_to_one_is_told(kdc: Kdc, server: Sample) -> None:
    error = await refused(server, "alice", perchat.SystemCredential())
    assert error.reason is AuthenticationReason.MISSING_CREDENTIALS
    assert "kinit" in str(error)


async def test_pidgin_gets_itself_a_ticket_by_a_password(
    kdc: Kdc, server: Sample, driver: Path
) -> None:
    account = replace(pidgin(server, kdc, "alice", None), single_sign_on=False, password="alice")
    async with SipeClient(driver, account) as alice:
        await alice.ready()


async def test_pidgin_without_a_ticket_does_not_get_in(
    kdc: Kdc, server: Sample, driver: Path
) -> None:
    with pytest.raises(SipeFailure, match="Failed to authenticate"):
        async with SipeClient(driver, pidgin(server, kdc, "alice", None)):
            pass


async def test_an_expired_ticket_is_no_ticket(kdc: Kdc, server: Sample) -> None:
    cache = kdc.ticket("alice", "old")
    set_clock_offset(cache, 2 * HOUR)
    error = await refused(server, "alice", single_sign_on(cache))
    assert error.reason is AuthenticationReason.MISSING_CREDENTIALS
    assert "expired" in str(error)


async def test_a_clock_that_is_off_is_named_as_such(kdc: Kdc, server: Sample) -> None:
    cache = kdc.ticket("alice", "early")
    async with endpoint(server, "alice", single_sign_on(cache)):
        pass  # the cache has a ticket for the service now, so the KDC is not asked again
    set_clock_offset(cache, HOUR // 2)
    error = await refused(server, "alice", single_sign_on(cache))
    assert error.reason is AuthenticationReason.CLOCK_SKEW
    assert (error.status, error.diagnostics.code) == (401, 1013)


async def test_a_server_without_the_service_s_present_key_refuses(
    kdc: Kdc, config: ServerConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = "sip/other.example.com"
    kdc.add_service(service, tmp_path / "keytab")
    kdc.change_key(service)
    changed = msgspec.structs.replace(config, host="other.example.com")
    changed = with_sign_in(changed, keytab=str(tmp_path / "keytab"))
    async with running(changed) as server:
        error = await refused(server, "alice", single_sign_on(kdc.ticket("alice")))
    assert error.reason is AuthenticationReason.INVALID_CREDENTIALS
    assert (error.status, error.diagnostics.code) == (401, 1000)
    assert "kvno" in caplog.text


async def test_a_service_the_kdc_does_not_know_is_named(
    kdc: Kdc, config: ServerConfig, tmp_path: Path
) -> None:
    service = "sip/gone.example.com"
    kdc.add_service(service, tmp_path / "keytab")
    kdc.remove(service)
    changed = msgspec.structs.replace(config, host="gone.example.com")
    changed = with_sign_in(changed, keytab=str(tmp_path / "keytab"))
    async with running(changed) as server:
        error = await refused(server, "alice", single_sign_on(kdc.ticket("alice")))
    assert error.reason is AuthenticationReason.NO_AUTHENTICATING_AUTHORITY
    assert service in str(error)


async def test_a_server_without_a_key_does_not_start(
    kdc: Kdc, config: ServerConfig, tmp_path: Path
) -> None:
    stop = asyncio.Event()
    wrong = with_sign_in(config, keytab=str(tmp_path / "none"))
    with pytest.raises(perchat.ConfigurationError, match=r"sip/sip\.example\.com@EXAMPLE\.COM"):
        await serve(wrong, ready=lambda _: stop.set(), stop=stop)


async def test_a_kdc_out_of_reach_is_named(
    kdc: Kdc, server: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = kdc.ticket("alice", "alone")
    elsewhere = tmp_path / "krb5.conf"
    text = (kdc.folder / "krb5.conf").read_text()
    elsewhere.write_text(text.replace(f":{kdc.port}", ":1"))
    monkeypatch.setenv("KRB5_CONFIG", str(elsewhere))
    error = await refused(server, "alice", single_sign_on(cache))
    assert error.reason is AuthenticationReason.NO_AUTHENTICATING_AUTHORITY


# --- which protocol ---


async def test_a_platform_that_allows_kerberos_alone_gives_no_password_away(
    config: ServerConfig,
) -> None:
    async with running(with_sign_in(config, protocols=("ntlm",))) as server:
        password = perchat.PasswordCredential("alice", PASSWORD)
        with pytest.raises(perchat.AuthenticationError) as caught:
            async with endpoint(server, "alice", password, perchat.AuthProtocol.KERBEROS):
                pass
    assert caught.value.reason is AuthenticationReason.NO_COMMON_PROTOCOLS
    assert caught.value.protocols == ("NTLM",)


async def test_a_server_can_offer_kerberos_alone(kdc: Kdc, config: ServerConfig) -> None:
    async with running(with_sign_in(config, protocols=("kerberos",))) as server:
        async with endpoint(server, "alice", single_sign_on(kdc.ticket("alice"))):
            pass
        error = await refused(server, "alice", perchat.PasswordCredential("alice", PASSWORD))
    assert error.reason is AuthenticationReason.NO_COMMON_PROTOCOLS
    assert error.protocols == ("Kerberos",)


# --- and stays so ---


async def test_a_sign_in_is_renewed_before_it_ends_and_no_message_is_lost(
    kdc: Kdc, server: Sample
) -> None:
    credential = single_sign_on(kdc.ticket("alice"))
    async with (
        chat(server, "alice", credential, association=1.5) as hers,
        chat(server, "bob", perchat.PasswordCredential("bob", PASSWORD), association=1.5) as his,
        hers.join("General") as talking,
        his.join("General") as listening,
    ):
        before = names_of(hers, his)
        heard = listening.messages(include_own=False)
        sent = 0
        async with asyncio.timeout(20):
            while before & names_of(hers, his):
                await talking.post(f"{sent}")
                assert (await anext(heard)).text == f"{sent}"
                sent += 1
        assert sent > 10


async def test_without_a_new_ticket_the_sign_in_serves_to_its_end_and_no_longer(
    kdc: Kdc, server: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    cache = kdc.ticket("alice", "short")
    timers = perchat.ClientTimers(association=2.0)
    async with endpoint(server, "alice", single_sign_on(cache), timers=timers) as alice:
        cache.unlink()
        changes = [change async for change in alice.state_changes()]
        assert alice.state is perchat.EndpointState.TERMINATED
    assert "cannot be renewed yet" in caplog.text
    assert any("kinit" in change.message for change in changes)


def names_of(*chats: perchat.PersistentChatEndpoint) -> set[str]:
    """Return the server's names for what stands."""
    sign_ins = [one.endpoint._signed_in for one in chats]
    proving = [one._proving for one in sign_ins if isinstance(one, UserSignIn)]
    standing = [one.initiator._standing for one in proving]
    assert len(standing) == len(chats)
    return {association.opaque for association in standing if association}


async def test_a_credential_replaced_on_a_live_endpoint_is_used_at_the_next_challenge(
    kdc: Kdc, server: Sample
) -> None:
    password = perchat.PasswordCredential("alice", PASSWORD)
    timers = perchat.ClientTimers(association=1.5)
    async with endpoint(server, "alice", password, timers=timers) as alice:
        alice.credential = single_sign_on(kdc.ticket("alice"))
        assert scheme_of(alice) == "NTLM"
        async with asyncio.timeout(20):
            while scheme_of(alice) == "NTLM":
                await asyncio.sleep(0.05)
        assert alice.state is perchat.EndpointState.ESTABLISHED
