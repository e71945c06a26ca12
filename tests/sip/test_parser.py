"""Laws of the parser: cuts do not matter, damage is refused politely, limits hold."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.sip.message import Headers, Request, Response
from perchat.sip.parser import (
    PING,
    Damaged,
    ParserLimits,
    Ping,
    StreamBroken,
    StreamParser,
    parse_datagram,
)
from perchat.sip.serializer import serialize
from tests.sip.messages import (
    agent,
    bytes_of,
    parsed,
    sipe_ack,
    sipe_bye,
    sipe_info,
    sipe_invite,
    sipe_register,
    sipe_subscribe,
)

GOOD = [
    sipe_register(),
    sipe_subscribe(),
    sipe_invite(),
    sipe_ack("t1"),
    sipe_info(2, "t1", "<xccos>Grüße</xccos>"),
    sipe_bye(3, "t1"),
    bytes_of("""
        SIP/2.0 200 OK
        Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1, SIP/2.0/TCP [2001:db8::1]:5060
        From: "A \\"B\\"" <sip:a@example.com>;tag=1
        To: sip:b@example.com;tag=2
        Call-ID: x@y
        CSeq: 7 INVITE
        Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
        Contact: <sip:b@192.0.2.1>;expires=30
        Expires: 30
        Content-Length: 0
        """),
]
INVITE = parsed(GOOD[2])
STREAM = b"".join([*GOOD[:3], b"\r\n\r\n", GOOD[3], b"\r\n", *GOOD[4:]])

Items = list[Request | Response | Damaged | Ping]


def fed(pieces: list[bytes], limits: ParserLimits | None = None) -> tuple[Items, str]:
    """Return what came out, and why the stream ended if it did."""
    limits = limits or ParserLimits()
    parser, items = StreamParser(limits), Items()
    try:
        for piece in pieces:
            items += parser.feed(piece)
    except StreamBroken as error:
        return [*items, *error.completed], f"{error.status} {error} {error.response}"
    return items, ""


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    starts = [0, *ends]
    return [data[a:b] for a, b in zip(starts, [*ends, len(data)], strict=True)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_chunking_does_not_matter(places: list[int]) -> None:
    assert fed(cut(STREAM, places)) == fed([STREAM])


def test_one_byte_at_a_time_is_the_same() -> None:
    items, broken = fed([STREAM[i : i + 1] for i in range(len(STREAM))])
    assert (items, broken) == fed([STREAM])
    assert len(items) == len(GOOD) + 1
    assert items[3] is PING


@given(st.lists(st.binary(max_size=80), max_size=4), st.lists(st.integers(0, 500), max_size=6))
def test_cuts_do_not_matter_to_garbage_either(noise: list[bytes], places: list[int]) -> None:
    data = b"\r\n\r\n".join([*noise[:2], GOOD[4], *noise[2:]])
    assert fed(cut(data, places)) == fed([data])


LINES = [b"", b":", b"x", b" folded", b"CSeq: x", b"CSeq: 99999999999 INFO", b"CSeq: 2 BYE"]
LINES += [b"Via: nothing", b"Via: SIP/2.0/TLS h;branch=\xff", b"From: <>", b'From: "a <sip:a@b>']
LINES += [b"To: <sip:b@c>;tag=1;tag=2", b"Content-Length: 5x", b"Content-Length: -1", b"\x00: \x00"]
LINES += [b"Content-Length: 999999999999", b"Content-Length: 3", b"Max-Forwards: 256", b"Call-ID:"]
LINES += [b"Contact: *", b"Contact: sip:a@b?c=d", b"Route: <sip:x;lr", b"Expires: -3", b"l: 0"]
LINES += [b"Session-Expires: soon", b"Require: magic", b"Record-Route: ,", b"INFO sip: SIP/2.0"]


@st.composite
def damaged_messages(draw: st.DrawFn) -> bytes:
    """A good message with a few of its lines damaged."""
    lines = draw(st.sampled_from(GOOD)).split(b"\r\n")
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        at = draw(st.integers(0, len(line)))
        scar = draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"<", b">", b";", b","]))
        )
        whole = draw(st.booleans())
        lines[place] = draw(st.sampled_from(LINES)) if whole else line[:at] + scar + line[at + 1 :]
    return b"\r\n".join(lines)


def swallow(data: bytes) -> None:
    """Parse, hand to user agents of both kinds, and send whatever they say."""
    items, _ = fed([data])
    for known in (False, True):
        ua = agent()
        if known:
            ua.receive(INVITE, 0.0)
            ua.respond("s1", 200, headers=[("Contact", "<sip:x@y>")])
        for item in items:
            if isinstance(item, Request | Response):
                ua.receive(item, 1.0)
            elif isinstance(item, Damaged) and (response := item.response()):
                assert not isinstance(parse_datagram(serialize(response)), Request)
        for message in ua.messages_to_send():
            serialize(message)


@settings(max_examples=200)
@given(damaged_messages())
def test_a_damaged_line_is_refused_politely_and_nothing_else_happens(data: bytes) -> None:
    swallow(data)
    parse_datagram(data)


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_politely(data: bytes) -> None:
    swallow(data)
    swallow(data + b"\r\n\r\n")
    parse_datagram(data)


@given(damaged_messages())
def test_what_follows_a_damaged_message_is_read_or_the_stream_ends(data: bytes) -> None:
    items, broken = fed([data, GOOD[0] * 3, b"\r\n" * 2000], ParserLimits(body=2000))
    assert broken or items[-1] is PING


TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=40
).map(lambda text: text.strip(" \t"))
BODIES = st.binary(max_size=60)


@st.composite
def sound_messages(draw: st.DrawFn) -> Request | Response:
    """What any caller may build."""
    method = draw(TOKENS)
    items = [("Via", f"SIP/2.0/TLS h;branch=z9hG4bK{draw(TOKENS)}"), ("Call-ID", draw(TOKENS))]
    items += [("From", f"<sip:a@b>;tag={draw(TOKENS)}"), ("To", "<sip:c@d>")]
    items.append(("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"))
    items += [(f"X-{draw(TOKENS)}", value) for value in draw(st.lists(VALUES, max_size=4))]
    headers, body = Headers(draw(st.permutations(items))), draw(BODIES)
    if draw(st.booleans()):
        return Request(method, f"sip:{draw(TOKENS)}@example.com", headers, body)
    return Response(draw(st.integers(100, 699)), draw(VALUES) or "OK", headers, body)


@given(sound_messages())
def test_what_we_write_we_can_read(message: Request | Response) -> None:
    items, broken = fed([serialize(message)])
    assert not broken
    length = str(len(message.body))
    expected = message.headers.plus(("Content-Length", length))
    (item,) = items
    assert isinstance(item, type(message))
    assert (item.headers, item.body) == (expected, message.body)


@given(st.binary(min_size=1, max_size=40).filter(lambda b: not set(b) & set(b"\r\n\0")))
def test_bytes_that_are_not_utf_8_travel_unchanged(value: bytes) -> None:
    data = b"X-Odd: a%sz\r\n" % value
    lines = GOOD[3].split(b"\r\n", 1)
    (item,), _ = fed([lines[0] + b"\r\n" + data + lines[1]])
    assert isinstance(item, Request)
    assert data in serialize(item)


# limits


def head_of(size: int) -> bytes:
    return b"INFO sip:a@b SIP/2.0\r\n" + b"X: " + b"x" * size


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"INFO sip:" + b"a" * 10_000_000, 414),
        (b"x" * 10_000_000, 414),
        (head_of(10_000_000), 513),
        (b"INFO sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 2_000_000, 513),
        (bytes_of("INFO sip:a@b SIP/2.0\nContent-Length: 10000000") + b"x" * 10_000_000, 513),
        (head_of(20_000) + b"\r\nContent-Length: 0\r\n\r\n", 513),
        (b"INFO sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 200 + b"Content-Length: 0\r\n\r\n", 513),
    ],
    ids=["uri", "line", "header", "headers", "body", "long line", "many lines"],
)
def test_what_is_too_large_ends_the_stream_with_the_right_status(data: bytes, status: int) -> None:
    parser = StreamParser()
    with pytest.raises(StreamBroken) as caught:
        feed_in_pieces(parser, data)
    assert caught.value.status == status
    assert held(parser) == 0
    with pytest.raises(StreamBroken):
        parser.feed(GOOD[0])


def feed_in_pieces(parser: StreamParser, data: bytes) -> None:
    for start in range(0, len(data), 50_000):
        parser.feed(data[start : start + 50_000])
        assert held(parser) < 130_000


def held(parser: StreamParser) -> int:
    return len(parser._buffer)


def test_one_large_chunk_is_never_held_whole() -> None:
    with pytest.raises(StreamBroken) as caught:
        StreamParser().feed(head_of(10_000_000))
    assert caught.value.status == 513


def test_a_body_over_the_limit_is_answered_before_it_arrives() -> None:
    head = GOOD[4].partition(b"\r\n\r\n")[0]
    head = head.replace(b"Content-Length: 22", b"Content-Length: 2000000")
    with pytest.raises(StreamBroken) as caught:
        StreamParser().feed(head + b"\r\n\r\n")
    response = caught.value.response
    assert response is not None
    assert (response.status, response.reason) == (513, "Message Too Large")
    assert response.call_id == "70DDg9375a3D6FiE3AAm3DB6t1FB0b904Ax61DEx"


def test_bytes_one_by_one_take_time_that_grows_with_them_alone() -> None:
    def taken(size: int) -> float:
        data, parser = head_of(size), StreamParser(ParserLimits(header_line=70_000))
        start = time.perf_counter()
        for i in range(len(data)):
            parser.feed(data[i : i + 1])
        return time.perf_counter() - start

    taken(1000)
    assert taken(60_000) < 60 * max(taken(4_000), 0.001)  # fifteen times the bytes


@pytest.mark.parametrize(
    "value",
    [
        b'From: "' + b'\\"' * 8000,
        b"From: " + b'"' * 16000,
        b"From: " + b"<" * 16000,
        b"Via: " + b"SIP / " * 2600,
        b"Via: SIP/2.0/TCP h" + b" " * 16000,
        b"Via: SIP/2.0/TCP h" + b";a=b" * 4000,
        b"Contact: " + b"<sip:a@b>," * 1600,
        b"X: " + b" \t" * 8000 + b"y",
        b"Route: " + b'"",' * 5000,
    ],
    ids=range(9),
)
def test_no_header_line_takes_long(value: bytes) -> None:
    lines = GOOD[0].split(b"\r\n", 1)
    start = time.perf_counter()
    for _ in range(3):
        fed([lines[0] + b"\r\n" + value + b"\r\n" + lines[1]])
    assert time.perf_counter() - start < 1.0


# small rules


def test_line_breaks_between_messages_are_pings_when_double() -> None:
    items, _ = fed([b"\r\n" + GOOD[0] + b"\r\n\r\n\r\n\r\n\r\n" + GOOD[0]])
    assert [item is PING for item in items] == [False, True, True, False]


def test_without_content_length_a_stream_ends() -> None:
    _, broken = fed([GOOD[0].replace(b"Content-Length: 0\r\n", b"")])
    assert broken.startswith("400 no Content-Length")


def test_what_came_before_the_fault_is_not_lost() -> None:
    items, broken = fed([GOOD[0] + b"garbage\r\n\r\n"])
    assert broken
    assert [type(item) for item in items] == [Request]


def test_a_reason_may_be_missing() -> None:
    for line in ("SIP/2.0 200", "SIP/2.0 200 "):
        head = GOOD[6].replace(b"SIP/2.0 200 OK", line.encode())
        (item,), _ = fed([head])
        assert isinstance(item, Response)
        assert item.reason == ""


def test_compact_names_become_full_ones() -> None:
    data = bytes_of("""
        INFO sip:a@b SIP/2.0
        v: SIP/2.0/TLS h;branch=z9hG4bK1
        f: <sip:a@b>;tag=1
        t: <sip:a@b>
        i: 1
        CSeq: 1 INFO
        c: Text/Plain; charset=utf-8
        x: 1800
        l: 0
        """)
    (item,), _ = fed([data])
    assert isinstance(item, Request)
    names = [name for name, _ in item.headers]
    assert names[:4] == ["Via", "From", "To", "Call-ID"]
    assert names[5:] == ["Content-Type", "Session-Expires", "Content-Length"]
    assert item.content_type == "text/plain"


@pytest.mark.parametrize("line", [b"X: a\nb", b"X: a\rb", b"X: a\x00b", b"no colon", b"B ad: x"])
def test_a_line_that_is_no_header_damages_its_message_alone(line: bytes) -> None:
    start, rest = GOOD[0].split(b"\r\n", 1)
    items, broken = fed([start + b"\r\n" + line + b"\r\n" + rest + GOOD[0]])
    assert not broken
    assert [type(item) for item in items] == [Damaged, Request]
    damaged = items[0]
    assert isinstance(damaged, Damaged)
    response = damaged.response()
    assert response is not None
    assert response.to.tag
    assert response == damaged.response()


def test_a_damaged_ack_or_response_is_not_answered() -> None:
    for good in (GOOD[3], GOOD[6]):
        (item,), _ = fed([good.replace(b"CSeq: ", b"CSeq: x")])
        assert isinstance(item, Damaged)
        assert item.response() is None


@pytest.mark.parametrize("breaks", [b"\r", b"\r\n", b"\r\n\r"])
def test_line_breaks_are_no_message_that_has_begun(breaks: bytes) -> None:
    parser = StreamParser()
    assert parser.feed(breaks) == []
    assert not parser.pending
    rest = b"\r\n\r\n"[len(breaks) :]
    assert len(parser.feed(rest)) == 1  # a ping after all
    parser.feed(b"\r\nOPTIONS")
    assert parser.pending
