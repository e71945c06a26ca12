"""Users who are taken at their word, where the settings say so and nowhere else."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perchat.errors import AuthenticationError, ConfigurationError
from perchat.lync.diagnostics import read_diagnostics
from perchat.server.config import load_config
from perchat.server.trust import is_trusted, trusted_networks
from perchat.sip.serializer import serialize
from tests.server.harness import Sample, make_sample, running
from tests.server.talking import connect
from tests.server.unsigned import CHAT, client, post, room_of, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = trusting(await make_sample(tmp_path / "data"), "127.0.0.1")
    async with running(config) as sample:
        yield sample


async def test_nobody_is_taken_at_their_word_unless_the_settings_say_so(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "data")
    assert config.sign_in.trust == ()
    async with running(config) as sample, client(sample, "alice") as alice:
        assert (await alice.register()).status == 401


@pytest.mark.parametrize("trust", ["127.0.0.2", "127.1.0.0/16", "::1"])
async def test_trust_is_for_the_addresses_named_alone(tmp_path: Path, trust: str) -> None:
    config = trusting(await make_sample(tmp_path / "data"), trust)
    async with running(config) as sample, client(sample, "alice") as alice:
        assert (await alice.register()).status == 401


async def test_a_register_is_answered_at_once_and_unsigned(sample: Sample) -> None:
    async with client(sample, "alice") as alice:
        answer = await alice.register()
        assert answer.status == 200
        assert "Authentication-Info" not in answer.headers.by_name()
        assert (await alice.register()).status == 200  # and refreshed likewise


async def test_who_is_trusted_says_and_hears_what_everybody_does(sample: Sample) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "alice") as alice, client(sample, "bob") as bob:
        for one in (alice, bob):
            await one.enter()
            assert b'<resp code="200">' in await one.join(room)
        assert await alice.say(post(room, "sip:carol@example.com", "good morning")) == 200
        heard = await bob.told(b"good morning")
        assert await bob.say(post(room, bob.uri, "and to you")) == 200
        assert b"sip:bob@example.com" in await alice.told(b"and to you")
    assert b"sip:alice@example.com" in heard
    assert b"carol" not in heard


async def test_our_own_client_stays_away_where_anybody_is_let_in(sample: Sample) -> None:
    with pytest.raises(AuthenticationError, match="lets anybody in"):
        async with connect(sample, "alice"):
            pass


async def test_who_is_trusted_is_told_where_the_service_is(sample: Sample) -> None:
    async with client(sample, "alice") as alice:
        await alice.register()
        event = ("Event", "vnd-microsoft-provisioning-v2")
        first = ("Supported", "ms-piggyback-first-notify")
        asked = alice.request("SUBSCRIBE", alice.uri, event, first, call="s")
        await alice.send(asked)
        answer = await alice.answer(asked)
    assert answer.status == 200
    assert CHAT.encode() in answer.body


async def test_who_is_trusted_has_that_users_rights_and_no_more(sample: Sample) -> None:
    private = await room_of(sample, "Private")
    async with client(sample, "bob") as bob:
        await bob.enter()
        assert b'<resp code="200">' not in await bob.join(private)
        assert await bob.say(post(private, bob.uri, "let me in")) == 412


async def test_a_user_without_chat_has_none_by_trust_either(sample: Sample) -> None:
    async with client(sample, "dave") as dave:
        assert (await dave.register()).status == 200
        assert (await dave.ask("INVITE", CHAT, call="chat")).status == 403


async def test_one_registration_is_not_anothers(sample: Sample) -> None:
    async with client(sample, "bob") as bob:
        await bob.enter()
        bob.uri = "sip:alice@example.com"
        refused = await bob.ask("INVITE", CHAT, call="other")
    assert (refused.status, read_diagnostics(refused.headers).code) == (403, 4004)


async def test_registering_comes_first_even_for_the_trusted(sample: Sample) -> None:
    async with client(sample, "alice") as alice:
        refused = await alice.ask("INVITE", CHAT, call="chat")
    assert (refused.status, read_diagnostics(refused.headers).code) == (403, 4000)


async def disable(sample: Sample) -> str:
    async with sample.admin() as admin:
        await admin.set_user("carol", enabled=False)
    return "carol"


@pytest.mark.parametrize("name", ["nobody", "a%40b", "alice%00", "ALICE2"])
async def test_who_is_not_in_the_directory_is_refused(sample: Sample, name: str) -> None:
    async with client(sample, name) as stranger:
        assert (await stranger.register()).status == 403
        assert (await stranger.ask("INVITE", CHAT, call="chat")).status == 403


async def test_who_is_switched_off_is_refused(tmp_path: Path) -> None:
    config = trusting(await make_sample(tmp_path / "data"), "127.0.0.0/8", "::1")
    async with running(config) as sample:
        pass
    await disable(sample)
    async with running(config) as sample, client(sample, "carol") as carol:
        assert (await carol.register()).status == 403


async def test_a_second_user_on_the_line_ends_what_the_first_had(sample: Sample) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "alice") as line:
        await line.enter()
        await line.join(room)
        line.uri = "sip:bob@example.com"
        assert (await line.ask("REGISTER", line.uri, call="r2")).status == 200
        assert await line.say(post(room, line.uri, "as whom?")) == 488


async def test_the_log_says_loudly_what_was_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = trusting(await make_sample(tmp_path / "data"), "127.0.0.1")
    caplog.set_level(logging.INFO, "perchat.signin")
    async with running(config) as sample, client(sample, "alice") as alice:
        await alice.register()
        warnings = [one.message for one in caplog.records if one.levelno == logging.WARNING]
        assert any("sign_in.trust is on" in one for one in warnings)
        for listener in (sample.addresses.sip_tcp, sample.addresses.sip_tls):
            assert f"{listener} takes users from 127.0.0.1 at their word" in warnings
    assert "sip:alice@example.com is taken at their word, from 127.0.0.1" in caplog.text


@pytest.mark.parametrize(
    ("trust", "complaint"),
    [
        ("10.0.0.1", "not loopback"),
        ("0.0.0.0/0", "not loopback"),
        ("127.0.0.0/7", "neither an address nor a network"),
        ("126.0.0.0/7", "not loopback"),
        ("::/0", "not loopback"),
        ("localhost", "neither an address nor a network"),
        ("", "neither an address nor a network"),
    ],
)
def test_only_loopback_can_be_trusted(tmp_path: Path, trust: str, complaint: str) -> None:
    file = tmp_path / "perchat.toml"
    file.write_text(f'domain = "a.b"\n[sign_in]\ntrust = ["127.0.0.1", "{trust}"]')
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_config(file)
    assert "sign_in.trust" in str(caught.value)


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",), ("::1",), ("127.0.0.0/8", "::1")])
def test_no_other_address_is_ever_trusted(trusted: tuple[str, ...]) -> None:
    assert trusted_networks(trusted) is not None
    strangers = ("10.0.0.1", "::ffff:10.0.0.1", "128.0.0.1", "", "unix", "fe80::1%eth0")
    is_stranger: Callable[[str], bool] = lambda peer: not is_trusted(peer, trusted)  # noqa: E731
    assert all(map(is_stranger, strangers))


async def test_a_talker_whose_posts_are_known_by_their_bytes_is_heard_in_order(
    sample: Sample,
) -> None:
    room = await room_of(sample, "General")
    texts = [f"number {number}." for number in range(40)]
    async with client(sample, "alice") as alice, client(sample, "bob") as bob:
        for one in (alice, bob):
            await one.enter()
            await one.join(room)
        asked = [alice.info(post(room, alice.uri, text)) for text in texts]
        for place in (20, 30):  # not like the others
            strange = asked[place]
            asked[place] = replace(strange, headers=strange.headers.plus(("X-More", str(place))))
        for first in asked[:3]:
            await alice.send(first)
        await alice.peer.send(b"".join(map(serialize, asked[3:])))
        assert {(await alice.answer(info)).status for info in asked} == {200}
        await bob.told(texts[-1].encode())
        assert await alice.say(post("ma-chan://example.com/none", alice.uri, "x")) == 404
    heard = [info.body for info in bob.requests if b"<grpchat" in info.body]
    assert [text for text, body in zip(texts, heard, strict=True) if text.encode() in body] == texts


async def test_whose_posts_are_known_is_refused_all_the_same_when_signed_out(
    sample: Sample,
) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "alice") as alice:
        await alice.enter()
        await alice.join(room)
        said = [await alice.say(post(room, alice.uri, str(number))) for number in range(9)]
        assert said == [200] * 9
        asked = alice.request("REGISTER", alice.uri, ("Expires", "0"), call="r")
        await alice.send(asked)
        assert (await alice.answer(asked)).status == 200
        assert await alice.say(post(room, alice.uri, "still here?")) == 488
