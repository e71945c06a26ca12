"""Servers of a domain: in which order they are tried, and whom to believe."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import ServerDiscoveryError, TlsFailure, TlsFailureReason
from perchat.net.connector import Transport, open_connection, open_first
from perchat.net.discovery import FoundServer, find_servers
from perchat.net.resolver import ServiceRecord
from tests.net.material import Authority, serving
from tests.net.nameserver import nameserver
from tests.net.test_connection import Recorder, agent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perchat.net.connection import Connection
    from perchat.net.resolver import Resolver


@dataclass
class Names:
    """A resolver made of dictionaries; what is asked is kept."""

    srv: dict[str, list[tuple[int, int, int, str]]] = field(default_factory=dict)
    hosts: dict[str, list[str]] = field(default_factory=dict)
    broken: bool = False
    asked: list[str] = field(default_factory=list)

    async def services(self, name: str) -> Sequence[ServiceRecord]:
        self._ask(name)
        return [ServiceRecord(*fields) for fields in self.srv.get(name, [])]

    async def addresses(self, host: str) -> Sequence[str]:
        self._ask(host)
        return self.hosts.get(host, [])

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if self.broken:
            raise ServerDiscoveryError(f"nobody answers about {name}")


async def found(
    names: Resolver, transport: Transport = Transport.TLS, *, strict: bool = True
) -> list[tuple[str, int]]:
    servers = await find_servers(
        "Contoso.example", transport=transport, resolver=names, strict=strict
    )
    return [(server.host, server.port) for server in servers]


# --- where to look ---


async def test_servers_inside_come_before_servers_outside() -> None:
    names = Names(
        {
            "_sip._tls.contoso.example": [(0, 0, 443, "edge.contoso.example")],
            "_sipinternaltls._tcp.contoso.example": [
                (20, 0, 5061, "second.contoso.example"),
                (10, 0, 5071, "First.contoso.example"),
            ],
        }
    )
    assert await found(names) == [
        ("first.contoso.example", 5071),
        ("second.contoso.example", 5061),
        ("edge.contoso.example", 443),
    ]
    assert set(names.asked) == set(names.srv)  # no host name is asked for


async def test_a_server_that_is_named_twice_is_tried_once() -> None:
    record = (0, 0, 5061, "pool.contoso.example")
    names = Names(
        {
            "_sipinternaltls._tcp.contoso.example": [record],
            "_sip._tls.contoso.example": [record, (1, 0, 5061, "edge.contoso.example")],
        }
    )
    assert await found(names) == [("pool.contoso.example", 5061), ("edge.contoso.example", 5061)]


async def test_over_tcp_the_records_for_tcp_count() -> None:
    names = Names(
        {
            "_sipinternal._tcp.contoso.example": [(0, 0, 5060, "pool.contoso.example")],
            "_sip._tcp.contoso.example": [(0, 0, 5070, "old.contoso.example")],
        }
    )
    assert await found(names, Transport.TCP) == [
        ("pool.contoso.example", 5060),
        ("old.contoso.example", 5070),
    ]


async def test_without_records_the_names_of_custom_are_tried_where_they_exist() -> None:
    names = Names(hosts={"sip.contoso.example": ["10.0.0.1"]})
    assert await found(names) == [("sip.contoso.example", 5061), ("sip.contoso.example", 443)]
    assert await found(names, Transport.TCP) == [("sip.contoso.example", 5060)]
    names.hosts["sipinternal.contoso.example"] = names.hosts["sipexternal.contoso.example"] = [
        "::1"
    ]
    assert await found(names) == [
        ("sipinternal.contoso.example", 5061),
        ("sip.contoso.example", 5061),
        ("sipexternal.contoso.example", 443),
        ("sip.contoso.example", 443),
    ]


async def test_nothing_found_names_every_query_with_its_outcome() -> None:
    names = Names({"_sip._tls.contoso.example": [(0, 0, 0, "")]})
    with pytest.raises(ServerDiscoveryError) as caught:
        await found(names)
    text = str(caught.value)
    assert text.startswith("no server found for contoso.example over TLS; tried ")
    for words in (
        "SRV _sipinternaltls._tcp.contoso.example (no such record)",
        "SRV _sip._tls.contoso.example (declares that there is no service)",
        "host sipinternal.contoso.example (no such host)",
        "host sip.contoso.example (no such host)",
        "host sipexternal.contoso.example (no such host)",
    ):
        assert words in text


async def test_a_dns_that_does_not_answer_is_told_from_an_empty_one() -> None:
    with pytest.raises(ServerDiscoveryError, match="nobody answers about _sip"):
        await found(Names(broken=True))


@pytest.mark.parametrize(
    ("domain", "host"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1")]
)
async def test_an_address_stands_for_itself(domain: str, host: str) -> None:
    names = Names(broken=True)
    [server] = await find_servers(domain, resolver=names)
    assert (server.host, server.port, server.names) == (host, 5061, (host,))
    assert names.asked == []
    assert server.host_port in ("127.0.0.1:5061", "[::1]:5061")


@pytest.mark.parametrize("domain", ["", "a b", "*.example", "a..b", "x" * 64])
async def test_what_is_no_domain_is_not_asked_about(domain: str) -> None:
    names = Names()
    with pytest.raises(ServerDiscoveryError, match="not a domain"):
        await find_servers(domain, resolver=names)
    assert names.asked == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.text(max_size=20) | st.sampled_from(["a.contoso.example", "b.other.example"]),
        ),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_dns_says_there_are_servers_with_names_or_one_error(
    records: list[tuple[int, int, int, str]], chance: random.Random
) -> None:
    names = Names({"_sip._tls.contoso.example": records})
    try:
        servers = asyncio.run(
            find_servers("contoso.example", resolver=names, below=chance.randrange)
        )
    except ServerDiscoveryError:
        return
    assert servers
    assert all(server.names and 0 < server.port <= 65535 for server in servers)


# --- whom to believe ---


async def names_of(target: str, *, strict: bool) -> tuple[str, ...]:
    names = Names({"_sip._tls.contoso.example": [(0, 0, 5061, target)]})
    [server] = await find_servers("contoso.example", resolver=names, strict=strict)
    return server.names


async def test_a_target_in_the_domain_may_show_its_own_name() -> None:
    for strict in (True, False):
        assert await names_of("a.contoso.example", strict=strict) == (
            "a.contoso.example",
            "contoso.example",
        )
        assert await names_of("contoso.example", strict=strict) == (
            "contoso.example",
            "contoso.example",
        )


@pytest.mark.parametrize("target", ["sip.hoster.example", "evilcontoso.example", "example"])
async def test_a_target_elsewhere_has_to_show_the_domain(target: str) -> None:
    assert await names_of(target, strict=True) == ("contoso.example",)
    assert await names_of(target, strict=False) == (target, "contoso.example")


async def test_over_tcp_nothing_is_shown_so_a_target_elsewhere_is_not_taken() -> None:
    names = Names({"_sip._tcp.contoso.example": [(0, 0, 5060, "sip.hoster.example")]})
    with pytest.raises(ServerDiscoveryError, match=r"names only sip\.hoster\.example, which is"):
        await found(names, Transport.TCP)
    assert await found(names, Transport.TCP, strict=False) == [("sip.hoster.example", 5060)]


# --- all together, with a real DNS server and real certificates ---


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


async def connected(
    domain: str, resolver: Resolver, authority: Authority
) -> tuple[Connection, FoundServer]:
    tls = authority.client()

    async def connect(server: FoundServer) -> Connection:
        return await open_connection(
            Recorder(),
            server.host,
            server.port,
            transport=Transport.TLS,
            agent=agent,
            tls=tls,
            server_name=server.names,
            resolver=resolver,
        )

    return await open_first(await find_servers(domain, resolver=resolver), connect)


@pytest.mark.peer
async def test_from_a_domain_to_a_verified_server_that_lives(
    authority: Authority, tmp_path: Path
) -> None:
    async with serving(authority.server("pool.contoso.example")) as there:
        services = [
            f"_sipinternaltls._tcp.contoso.example,dead.contoso.example,{there.port},0,0",
            f"_sipinternaltls._tcp.contoso.example,gone.contoso.example,{there.port},5,0",
            f"_sipinternaltls._tcp.contoso.example,pool.contoso.example,{there.port},10,0",
        ]
        hosts = ["127.0.0.9 dead.contoso.example", "127.0.0.1 pool.contoso.example"]
        hosts += ["127.0.0.8 pool.contoso.example"]
        with nameserver(tmp_path, services=services, hosts=hosts) as resolver:
            connection, server = await connected("contoso.example", resolver, authority)
        assert server.host == "pool.contoso.example"
        assert server.source == "SRV _sipinternaltls._tcp.contoso.example"
        assert connection.peer_names == {"pool.contoso.example"}
        connection.abort()


@pytest.mark.peer
@pytest.mark.parametrize(
    ("carried", "accepted"), [("contoso.example", True), ("sip.hoster.example", False)]
)
async def test_a_hoster_has_to_carry_the_domain(
    authority: Authority, tmp_path: Path, carried: str, accepted: bool
) -> None:
    async with serving(authority.server(carried)) as there:
        services = [f"_sip._tls.contoso.example,sip.hoster.example,{there.port}"]
        hosts = ["127.0.0.1 sip.hoster.example"]
        with nameserver(tmp_path, services=services, hosts=hosts) as resolver:
            if accepted:
                connection, _ = await connected("contoso.example", resolver, authority)
                connection.abort()
            else:
                with pytest.raises(TlsFailure) as caught:
                    await connected("contoso.example", resolver, authority)
                assert caught.value.reason is TlsFailureReason.WRONG_NAME
