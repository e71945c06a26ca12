"""What comes in a dialog is taken by its bytes as the ordinary road takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.sip.events import InfoReceived, RequestReceived
from perchat.sip.header import MAX_CSEQ
from perchat.sip.lane import message_of
from perchat.sip.message import Request
from perchat.sip.parser import Damaged, ParserLimits, Ping, StreamBroken, StreamParser
from perchat.sip.serializer import serialize
from perchat.sip.timers import Timers
from perchat.sip.transport import received
from tests.sip.messages import SERVER, agent, bytes_of, parsed, sipe_ack, sipe_info, sipe_invite

if TYPE_CHECKING:
    from perchat.sip.events import Event
    from perchat.sip.lane import Proof
    from perchat.sip.useragent import UserAgentSettings

CONTACT = ("Contact", "<sip:chat@192.0.2.1:5061;transport=tls>")
LIMITS = ParserLimits(body=1000)


class Anybody:
    """Vouches for all, until told not to."""

    def __init__(self) -> None:
        self.trusts = True
        self.shown: list[Proof | None] = []

    def admits(self, number: int, proof: Proof | None, now: float) -> bool:
        self.shown.append(proof)
        return self.trusts

    def sign(self, number: int) -> bytes:
        return b"X-Signed: %d\r\n" % number


class Silent(Anybody):
    """Signs nothing."""

    def sign(self, number: int) -> bytes:
        return b""


class End:
    """A server's end of one dialog; ``quick``: with an intake that learns."""

    def __init__(
        self,
        *,
        quick: bool = True,
        voucher: Anybody | None = None,
        settings: UserAgentSettings = SERVER,
        limits: ParserLimits = LIMITS,
    ) -> None:
        self.ua = agent(settings)
        self.limits = limits
        self.parser = StreamParser(limits, skim=self._skim)
        self.voucher = voucher or Silent()
        self.events: list[Event] = []
        self.known = 0
        self._quick = quick
        (call,) = self.ua.receive(parsed(sipe_invite()), 0.0)
        assert isinstance(call, RequestReceived)
        ok = self.ua.respond(call.transaction, 200, now=0.0, headers=[CONTACT])
        self.tag = ok.to.tag
        self.ua.receive(parsed(sipe_ack(self.tag)), 0.0)
        (self.dialog,) = self.ua.dialogs
        self.ua.open_lane(self.dialog)
        self.ua.messages_to_send()

    def hear(self, data: bytes) -> list[Event]:
        """Take bytes as a connection does; return what is new."""
        before = len(self.events)
        for item in self.parser.feed(data):
            assert not isinstance(item, Damaged | Ping)
            message = received(item, "192.0.2.17", 5060) if isinstance(item, Request) else item
            self.events += self.ua.receive(message, 1.0)
            if isinstance(item, Request) and isinstance(message, Request):
                self._learn(item, message)
        return self.events[before:]

    def written(self) -> bytes:
        """Return what leaves."""
        return b"".join(
            one[0].render(one[1], one[2]) if isinstance(one, tuple) else serialize(one)
            for one in self.ua.outgoing()
        )

    def accept(self, event: Event) -> bytes:
        assert isinstance(event, InfoReceived | RequestReceived)
        self.ua.accept(event.transaction, 2.0)
        return self.written()

    def _skim(self, data: bytearray, overtaking: bool) -> int:
        at = 0
        while self._quick and not overtaking and at < len(data):
            end, events = self.ua.take(data, at, 1.0)
            if end == at:
                break
            at, self.known = end, self.known + 1
            self.events += events
        return at

    def _learn(self, came: Request, admitted: Request) -> None:
        if self._quick and (intake := self.ua.study(came)):
            intake.learn(came, serialize(self.ua.ok(admitted)), self.voucher, self.limits)


def info(end: End, number: int, body: str = "hello", branch: str = "", extra: str = "") -> bytes:
    mark = branch or f"z9hG4bK.{number}-x"
    return bytes_of(
        f"""
        INFO sip:chat@example.com;gruu SIP/2.0
        Via: SIP/2.0/TCP 10.0.0.5:40000;branch={mark};rport
        Max-Forwards: 70
        From: <sip:alice@example.com>;tag=2878942565;epid=cf0b98dadeb9
        To: <sip:pchatsrv01@example.com>;tag={end.tag}
        Call-ID: 70DDg9375a3D6FiE3AAm3DB6t1FB0b904Ax61DEx
        CSeq: {number} INFO
        User-Agent: somebody/1 (100%)
        Content-Type: text/plain; charset=utf-8{extra}
        Content-Length: {len(body.encode())}
        """,
        body,
    )


def learned(**how: Anybody | UserAgentSettings) -> End:
    """Return one that knows the next: CSeq 5."""
    end = End(**how)  # type: ignore[arg-type]
    for number in (2, 3, 4):
        end.accept(*end.hear(info(end, number)))
    assert end.known == 0
    return end


def told(events: list[Event]) -> list[tuple[str, bytes]]:
    """Return what an owner would act on, whichever road it came."""
    return [
        (one.content_type, one.body)
        if isinstance(one, InfoReceived)
        else (one.request.content_type, one.request.body)
        for one in events
        if isinstance(one, InfoReceived | RequestReceived)
    ]


def test_the_next_is_known_and_answered_with_the_same_bytes() -> None:
    quick, plain = learned(), End(quick=False)
    for number in (2, 3, 4):
        plain.accept(*plain.hear(info(plain, number)))
    one, other = quick.hear(info(quick, 5, "größer")), plain.hear(info(plain, 5, "größer"))
    assert isinstance(one[0], InfoReceived)
    assert told(one) == told(other) == [("text/plain", "größer".encode())]
    assert quick.accept(*one) == plain.accept(*other) != b""


def test_whoever_traces_is_shown_the_answer_as_a_message() -> None:
    end = learned()
    (event,) = end.hear(info(end, 5))
    assert isinstance(event, InfoReceived)
    end.ua.accept(event.transaction, 2.0)
    (letter,) = end.ua.outgoing()
    assert isinstance(letter, tuple)
    assert serialize(message_of(letter)) == letter[0].render(letter[1], letter[2])


def test_the_voucher_signs_the_answer_last_and_is_shown_the_proof() -> None:
    voucher = Anybody()
    end = End(voucher=voucher)
    for number in range(2, 6):
        signed = f'\nAuthorization: NTLM crand="a{number}", cnum="{number}", response="b{number}"'
        sent = end.accept(*end.hear(info(end, number, extra=signed)))
    assert end.known == 1
    assert voucher.shown == [(b"a5", b"5", b"b5")]
    assert sent.endswith(b"\r\nX-Signed: 5\r\nContent-Length: 0\r\n\r\n")


def test_what_nobody_vouches_for_goes_the_ordinary_road() -> None:
    end = learned()
    end.voucher.trusts = False
    (event,) = end.hear(info(end, 5))
    assert isinstance(event, RequestReceived)


def test_many_at_once_are_all_known() -> None:
    end = learned()
    events = end.hear(b"".join(info(end, number, f"n{number}") for number in range(5, 25)))
    assert [body for _, body in told(events)] == [b"n%d" % number for number in range(5, 25)]
    assert end.known == 20


def test_what_is_known_does_not_overtake_what_is_not() -> None:
    end = learned()
    strange = info(end, 6, "six", extra="\nX-More: 1")
    events = end.hear(info(end, 5, "five") + strange + info(end, 7, "seven"))
    assert [body for _, body in told(events)] == [b"five", b"six", b"seven"]
    assert end.known == 1
    assert told(end.hear(info(end, 8, "eight"))) == [("text/plain", b"eight")]


@pytest.mark.parametrize("cut", [1, 60, 300, -1])
def test_one_in_pieces_is_put_together(cut: int) -> None:
    end = learned()
    data = info(end, 5)
    assert end.hear(data[:cut]) == []
    assert told(end.hear(data[cut:])) == [("text/plain", b"hello")]


def test_a_body_that_is_too_long_is_for_the_parser_to_refuse() -> None:
    end = learned()
    with pytest.raises(StreamBroken, match="too large"):
        end.hear(info(end, 5, "x" * (LIMITS.body + 1)))


def test_headers_that_may_grow_too_large_are_not_learned() -> None:
    headers = len(info(End(), 2).partition(b"\r\n\r\n")[0])
    end = End(limits=ParserLimits(headers=headers + 20))
    for number in range(2, 9):
        end.accept(*end.hear(info(end, number)))
    assert end.known == 0
    with pytest.raises(StreamBroken, match="too large"):
        end.hear(info(end, 9, branch="z9hG4bK" + "x" * 100))


def test_a_number_beyond_the_last_is_for_the_parser_to_refuse() -> None:
    end = learned()
    data = info(end, MAX_CSEQ + 1)
    assert end.ua.take(data, 0, 1.0) == (0, [])


def test_a_refusal_is_written_as_on_the_ordinary_road() -> None:
    quick, plain = learned(), End(quick=False)
    answers = []
    for end in (quick, plain):
        (event,) = end.hear(info(end, 5))
        assert isinstance(event, InfoReceived | RequestReceived)
        end.ua.respond(event.transaction, 403, now=2.0, headers=[("X-Why", "because")])
        answers.append(end.written())
    assert quick.known == 1
    assert answers[0] == answers[1]
    assert b"X-Why: because" in answers[0]


def test_an_answer_is_given_once() -> None:
    end = learned()
    (event,) = end.hear(info(end, 5))
    assert end.accept(event)
    assert end.accept(event) == b""


def test_over_datagrams_nothing_is_known_as_copies_may_come_after_the_answer() -> None:
    end = End(settings=replace(SERVER, timers=Timers(reliable=False)))
    for number in range(2, 8):
        end.accept(*end.hear(info(end, number)))
    assert end.known == 0


def test_a_peer_without_habits_is_not_learned_for_ever() -> None:
    end = End()
    for number in range(2, 40):
        end.accept(*end.hear(info(end, number, extra=f"\nX-Clock: {number}")))
    assert end.known == 0


def test_a_peer_that_names_no_branch_goes_the_ordinary_road() -> None:
    end = End()
    for number in range(2, 8):
        end.accept(*end.hear(sipe_info(number, end.tag, "hello")))
    assert end.known == 0


def test_nothing_is_known_when_the_dialog_is_gone() -> None:
    end = learned()
    (event,) = end.hear(info(end, 5))
    end.ua.drop_dialog(end.dialog)
    assert end.hear(info(end, 6)) == []
    assert b"SIP/2.0 481" in end.written()
    assert b"SIP/2.0 200" in end.accept(event), "its request came while there was one"


@dataclass(frozen=True)
class Step:
    """An INFO as a peer may send it, and what becomes of it."""

    number: int
    branch: int
    body: str
    extra: str
    status: int | None


_STEPS = st.lists(
    st.builds(
        Step,
        st.integers(2, 14),
        st.integers(1, 14),
        st.text(max_size=5),
        st.sampled_from(["", "", "", "", "\nX-More: 1"]),
        st.sampled_from([200, 200, 200, 403, None]),
    ),
    max_size=5,
)


@given(st.lists(_STEPS, max_size=10), st.booleans())
@settings(max_examples=200)
def test_both_roads_say_and_hear_the_same_whatever_comes(
    reads: list[list[Step]], few: bool
) -> None:
    bounds = replace(SERVER, max_server_transactions=3 if few else 1000)
    ends = (End(settings=bounds), End(quick=False, settings=bounds))
    for end in ends:
        for number in (2, 3, 4):
            end.accept(*end.hear(info(end, number)))
    for steps in reads:
        outcomes = [_done(end, steps) for end in ends]
        assert outcomes[0] == outcomes[1]


def _done(end: End, steps: list[Step]) -> tuple[list[tuple[str, bytes]], bytes, int | None]:
    """Let some INFOs come in one read, and answer what is told of them."""
    events = end.hear(
        b"".join(
            info(end, step.number, step.body, f"z9hG4bK.b{step.branch}", step.extra)
            for step in steps
        )
    )
    for event, step in zip(events, steps, strict=False):
        assert isinstance(event, InfoReceived | RequestReceived)
        if step.status == 200:
            end.ua.accept(event.transaction, 2.0)
        elif step.status:
            end.ua.respond(event.transaction, step.status, now=2.0)
    known = end.ua.dialog(end.dialog)
    written = re.sub(rb";tag=[0-9a-f]{4}\r", b"", end.written())
    return told(events), written, known.remote_cseq if known else None
