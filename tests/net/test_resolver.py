"""Names and services, from a real DNS server; and the order in which to try them."""

from __future__ import annotations

import contextlib
import random
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import ServerDiscoveryError
from perchat.net.resolver import DnsResolver, ServiceRecord, SystemResolver, in_order
from tests.net.nameserver import nameserver

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS = st.builds(
    ServiceRecord,
    st.integers(0, 3),
    st.sampled_from([0, 0, 1, 5, 100, 65535]),
    st.just(5061),
    st.sampled_from([f"{letter}.example" for letter in "abcdef"]),
)
SERVICES = (
    "_sip._tls.one.example,sip1.one.example,5061,10,60",
    "_sip._tls.one.example,sip2.one.example,5062,20,0",
    "_none._tls.one.example",
    *(f"_many._tls.one.example,{'x' * 40}{i}.one.example,5061" for i in range(30)),
)
HOSTS = ("127.0.0.2 pool.one.example", "127.0.0.3 pool.one.example", "::1 pool.one.example")


@pytest.fixture(scope="module")
def dns_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsResolver]:
    with nameserver(tmp_path_factory.mktemp("dns"), services=SERVICES, hosts=HOSTS) as resolver:
        yield resolver


# --- RFC 2782 ---


@given(st.lists(RECORDS, max_size=12), st.randoms(use_true_random=False))
def test_every_record_is_tried_once_and_priorities_come_in_order(
    records: list[ServiceRecord], chance: random.Random
) -> None:
    ordered = in_order(records, chance.randrange)
    assert sorted(ordered, key=repr) == sorted(records, key=repr)
    assert [r.priority for r in ordered] == sorted(r.priority for r in records)


@pytest.mark.parametrize(
    ("number", "first"), [(0, "c"), (1, "a"), (10, "a"), (11, "b"), (100, "b")]
)
def test_the_running_sum_of_weights_chooses(number: int, first: str) -> None:
    records = [
        ServiceRecord(0, 90, 5061, "b"),
        ServiceRecord(0, 10, 5061, "a"),
        ServiceRecord(0, 0, 5061, "c"),
    ]
    ordered = in_order(records, lambda limit: min(number, limit - 1))
    assert ordered[0].target == first


def test_load_is_shared_by_weight() -> None:
    records = [ServiceRecord(0, 30, 5061, "a"), ServiceRecord(0, 10, 5061, "b")]
    chance = random.Random(1)
    first = [in_order(records, chance.randrange)[0].target for _ in range(2000)]
    assert 0.70 < first.count("a") / 2000 < 0.80


# --- a real DNS server ---


@pytest.mark.peer
async def test_services_come_with_all_their_fields(dns_server: DnsResolver) -> None:
    assert set(await dns_server.services("_sip._tls.one.example")) == {
        ServiceRecord(10, 60, 5061, "sip1.one.example"),
        ServiceRecord(20, 0, 5062, "sip2.one.example"),
    }


@pytest.mark.peer
async def test_a_service_that_is_declared_absent_has_no_target(dns_server: DnsResolver) -> None:
    [record] = await dns_server.services("_none._tls.one.example")
    assert record.target == ""


@pytest.mark.peer
async def test_an_answer_that_does_not_fit_a_datagram_comes_over_tcp(
    dns_server: DnsResolver,
) -> None:
    records = await dns_server.services("_many._tls.one.example")
    assert len(records) == 16  # of 30: as many as are looked at


@pytest.mark.peer
async def test_all_addresses_of_a_host_are_found(dns_server: DnsResolver) -> None:
    found = await dns_server.addresses("pool.one.example.")
    assert found[0] == "::1"
    assert set(found) == {"::1", "127.0.0.2", "127.0.0.3"}


@pytest.mark.peer
async def test_what_is_not_there_is_no_error(dns_server: DnsResolver) -> None:
    assert await dns_server.services("_sip._tls.nowhere.example") == ()
    assert await dns_server.addresses("nowhere.example") == ()
    assert await dns_server.services("pool.one.example") == ()  # a name without such records


@pytest.mark.peer
async def test_a_server_that_refuses_is_an_error(dns_server: DnsResolver) -> None:
    with pytest.raises(ServerDiscoveryError, match=r"DNS cannot tell SRV of _sip\._tls\.com"):
        await dns_server.services("_sip._tls.com")


# --- trouble ---


async def test_a_dns_server_that_says_nothing_is_an_error_after_a_while() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = DnsResolver(["127.0.0.1"], port=silent.getsockname()[1], lifetime=0.05)
        with pytest.raises(ServerDiscoveryError, match="DNS cannot tell A"):
            await resolver.addresses("pool.example")


@pytest.mark.parametrize("name", ["a..example", "x" * 64, "\ud800.example"])
async def test_what_cannot_be_asked_is_an_error_and_no_crash(name: str) -> None:
    resolver = DnsResolver(["127.0.0.1"], port=9, lifetime=0.05)
    with pytest.raises(ServerDiscoveryError):
        await resolver.services(name)
    with contextlib.suppress(ServerDiscoveryError):
        assert await SystemResolver().addresses(name) == ()


async def test_the_system_knows_what_its_hosts_file_says() -> None:
    assert "127.0.0.1" in await SystemResolver().addresses("localhost")
    assert await SystemResolver().addresses("127.0.0.7") == ("127.0.0.7",)
