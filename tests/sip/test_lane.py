"""The lane for the many says and hears what the ordinary road would."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import StateError
from perchat.sip.events import (
    Answered,
    DialogEnded,
    Event,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
)
from perchat.sip.lane import framed
from perchat.sip.message import Headers, Request, Response
from perchat.sip.parser import Damaged, Ping, StreamParser
from perchat.sip.serializer import serialize
from tests.sip.messages import agent, parsed, sipe_ack, sipe_invite, sipe_ok

CONTACT = ("Contact", "<sip:chat@192.0.2.1:5061;transport=tls>")
PLAIN = ("Content-Type", "text/plain")


class Served:
    """A server's user agent with one dialog, its lane, and a peer that answers as told."""

    def __init__(self) -> None:
        self.ua = agent()
        self.parser = StreamParser()
        self.events: list[Event] = []
        (call,) = self.ua.receive(parsed(sipe_invite()), 0.0)
        assert isinstance(call, RequestReceived)
        ok = self.ua.respond(call.transaction, 200, now=0.0, headers=[CONTACT])
        self.ua.receive(parsed(sipe_ack(ok.to.tag)), 0.0)
        (self.dialog,) = self.ua.dialogs
        self.lane = self.ua.open_lane(self.dialog, [PLAIN])
        self.ua.messages_to_send()

    def post(self, *texts: str, now: float = 0.0) -> list[Request]:
        for text in texts:
            self.ua.post(self.lane, framed(text.encode()), now)
        sent = self.ua.messages_to_send()
        assert all(isinstance(one, Request) for one in sent)
        return [one for one in sent if isinstance(one, Request)]

    def hear(self, data: bytes, *, now: float = 1.0, quick: bool = True) -> list[Event]:
        """Take bytes as a connection does; without ``quick`` by the ordinary road alone."""
        events: list[Event] = []
        whole = quick and not self.parser.pending
        if whole:
            used, events = self.ua.take_answers(data, 0, now)
            data = data[used:]
        for item in self.parser.feed(data):
            assert not isinstance(item, Damaged | Ping)
            events += self.ua.receive(item, now)
        if whole:
            self.ua.learn(data)
        self.events += events
        return events

    @property
    def answered(self) -> int:
        """How many INFOs were answered for good, by whichever road."""
        counts = [one.infos for one in self.events if isinstance(one, Answered)]
        finals = [
            one
            for one in self.events
            if isinstance(one, ResponseReceived) and one.response.status >= 200
        ]
        return sum(counts) + len(finals)


def ok(request: Request, status: int = 200, *extra: tuple[str, str]) -> bytes:
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    copied = [(name, request.headers.get(name) or "") for name in names]
    return serialize(Response(status, "OK", Headers((*copied, *extra))))


def learned(answer: bytes = b"") -> Served:
    """Return one whose peer's habit is known from the first answer."""
    served = Served()
    (first,) = served.post("first")
    served.hear(answer or ok(first))
    return served


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=5))
def test_the_lane_writes_the_bytes_of_the_ordinary_road(bodies: list[bytes]) -> None:
    served = Served()
    for body in bodies:
        served.ua.post(served.lane, framed(body), 0.0)
    for letter in served.ua.outgoing():
        assert isinstance(letter, tuple)
        lane, number, end = letter
        assert lane.render(number, end) == serialize(lane.message(number, end))


def test_what_is_sent_at_once_is_what_would_have_waited() -> None:
    waited, at_once = Served(), Served()
    at_once.lane.branch = waited.lane.branch
    at_once.lane._write_head()  # to be compared, the two have one branch
    ends = [framed(b"a"), framed(b"b")]
    for end in ends:
        waited.ua.post(waited.lane, end, 0.0)
    letters = [one for one in waited.ua.outgoing() if isinstance(one, tuple)]
    later = b"".join(lane.render(number, end) for lane, number, end in letters)
    assert _without_tag(at_once.ua.letters(at_once.lane, ends, 0.0)) == _without_tag(later)
    assert at_once.lane.pending == waited.lane.pending
    assert not at_once.ua.has_outgoing


def _without_tag(data: bytes) -> bytes:
    return re.sub(rb"tag=\w+", b"tag=", data)


def test_nothing_is_sent_at_once_in_a_dialog_that_is_over() -> None:
    served = Served()
    served.ua.drop_dialog(served.dialog)
    with pytest.raises(StateError):
        served.ua.letters(served.lane, [framed(b"a")], 0.0)


def test_requests_of_both_roads_count_on_in_one_dialog() -> None:
    served = Served()
    (first,) = served.post("a")
    served.ua.request_in(served.dialog, "INFO", 0.0, body=b"b")
    (second,) = served.ua.messages_to_send()
    (third,) = served.post("c")
    assert [one.cseq.number for one in (first, second, third)] == [1, 2, 3]
    assert len({one.via.branch for one in (first, second, third)}) == 3


def test_it_goes_where_the_peer_has_moved_to() -> None:
    served = Served()
    served.post("a")
    known = served.ua.dialog(served.dialog)
    assert known is not None
    known.remote_target = "sip:alice@192.0.2.99"
    served.ua.post(served.lane, framed(b"b"), 0.0)
    (letter,) = served.ua.outgoing()
    assert isinstance(letter, tuple)
    lane, number, end = letter
    assert lane.render(number, end).startswith(b"INFO sip:alice@192.0.2.99 SIP/2.0\r\n")


def test_an_answer_like_the_last_one_is_taken_by_its_bytes() -> None:
    served = learned()
    second, third = served.post("b", "c")
    assert served.hear(ok(second) + ok(third)) == [Answered(served.dialog, 2)]
    assert not served.lane.pending


def test_answers_that_come_together_from_the_first_on_are_learned() -> None:
    served = Served()
    first, second = served.post("a", "b")
    served.hear(ok(first) + ok(second))
    third, fourth = served.post("c", "d")
    assert served.hear(ok(third) + ok(fourth)) == [Answered(served.dialog, 2)]


def test_of_an_answer_with_a_body_nothing_is_learned() -> None:
    served = Served()
    first, second = served.post("a", "b")
    told = ok(first).replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 2\r\n\r\nhi")
    assert told != ok(first)
    served.hear(told + ok(second))
    (third,) = served.post("c")
    (event,) = served.hear(ok(third))
    assert isinstance(event, ResponseReceived)


def test_an_answer_may_have_signs_of_percent() -> None:
    agent = ("User-Agent", "100%d %s%% chat")
    served = Served()
    (first,) = served.post("a")
    served.hear(ok(first, 200, agent))
    (second,) = served.post("b")
    assert served.hear(ok(second, 200, agent)) == [Answered(served.dialog, 1)]


def test_the_habits_of_sipe_are_learned() -> None:
    served = Served()
    (first,) = served.post("a")
    served.hear(sipe_ok(first))
    (second,) = served.post("b")
    used, _ = served.ua.take_answers(sipe_ok(second), 0, 1.0)
    assert used == 0, "it is signed, and nobody here vouches for signatures"
    assert served.hear(sipe_ok(second), quick=False)
    assert served.answered == 2


def test_an_answer_in_pieces_is_put_together() -> None:
    served = learned()
    (second,) = served.post("b")
    data = ok(second)
    assert served.hear(data[:50]) == []
    (event,) = served.hear(data[50:])
    assert isinstance(event, ResponseReceived)
    assert not served.lane.pending


def test_an_answer_that_overtakes_another_is_found() -> None:
    served = learned()
    second, third = served.post("b", "c")
    served.hear(ok(third))
    served.hear(ok(second))
    assert served.answered == 3
    assert not served.lane.pending


def test_an_answer_given_twice_counts_once() -> None:
    served = learned()
    (second,) = served.post("b")
    served.hear(ok(second) + ok(second))
    assert served.answered == 2


def test_answers_to_nothing_are_dropped() -> None:
    served = learned()
    (second,) = served.post("b")
    served.hear(ok(second).replace(b"z9hG4bK", b"z9hG4bKx"))
    served.hear(ok(second).replace(b"CSeq: 2 INFO", b"CSeq: 3 INFO"))
    assert served.answered == 1
    assert list(served.lane.pending) == [2]


def test_a_provisional_answer_leaves_it_waiting() -> None:
    served = learned()
    (second,) = served.post("b")
    served.hear(ok(second, 100))
    assert list(served.lane.pending) == [2]
    served.hear(ok(second))
    assert served.answered == 2


@pytest.mark.parametrize("status", [481, 408])
def test_a_peer_that_knows_the_dialog_no_more_ends_it(status: int) -> None:
    served = learned()
    second, _third = served.post("b", "c")
    events = served.hear(ok(second, status))
    assert DialogEnded(served.dialog, f"INFO was answered {status}") in events
    with pytest.raises(StateError, match="no such dialog"):
        served.ua.post(served.lane, framed(b"d"), 2.0)


def test_a_refusal_is_an_answer_too() -> None:
    served = learned()
    (second,) = served.post("b")
    served.hear(ok(second, 486))
    assert served.answered == 2
    assert served.ua.dialogs


def test_a_peer_that_does_not_answer_is_given_up() -> None:
    served = learned()
    (second,) = served.post("b", now=10.0)
    due = served.ua.next_timer()
    assert due is not None
    assert due <= 42.0
    served.ua.handle_timer(due)
    timed_out, ended = served.ua.handle_timer(42.0)
    assert isinstance(timed_out, RequestTimedOut)
    assert timed_out.request.cseq == second.cseq
    assert ended == DialogEnded(served.dialog, "request timed out")


def test_an_answer_in_time_stops_the_clock() -> None:
    served = learned()
    (second,) = served.post("b", now=10.0)
    served.hear(ok(second), now=11.0)
    assert served.ua.handle_timer(60.0) == []
    assert served.ua.next_timer() is None
    served.post("c", now=100.0)
    assert served.ua.next_timer() == 132.0


def test_its_sign_of_life_keeps_the_session() -> None:
    served = learned()
    known = served.ua.dialog(served.dialog)
    assert known is not None
    (second,) = served.post("b")
    assert served.hear(ok(second), now=5.0) == [Answered(served.dialog, 1)]


def test_what_waits_for_answers_is_bounded() -> None:
    served = Served()
    with pytest.raises(StateError, match="too many"):
        served.post(*["x"] * 100_000)


def test_a_peer_without_habits_is_not_studied_for_ever() -> None:
    served = Served()
    for count in range(40):
        (asked,) = served.post("x")
        served.hear(ok(asked, 200, ("Date", f"day {count}")))
    assert served.answered == 40


def test_an_answer_that_says_more_is_not_taken_for_a_habit() -> None:
    piggyback = ("ms-piggyback-cseq", "9")
    served = learned()
    served = Served()
    (first,) = served.post("a")
    served.hear(ok(first, 200, piggyback))
    (second,) = served.post("b")
    assert served.ua.take_answers(ok(second, 200, piggyback), 0, 1.0) == (0, [])


answers = st.lists(
    st.tuples(
        st.sampled_from((200, 200, 200, 200, 100, 202, 486)),
        st.sampled_from(((), (("Date", "today"),), (("X-Number", "2"),))),
    ),
    min_size=1,
    max_size=8,
)


@given(answers, st.randoms(use_true_random=False), st.booleans())
def test_both_roads_come_to_the_same(
    answers: list[tuple[int, tuple[tuple[str, str], ...]]], random: object, shuffled: bool
) -> None:
    """Whatever a peer answers, in whatever order and pieces, the same INFOs are answered."""
    outcomes = []
    for quick in (True, False):
        served = Served()
        sent = served.post(*("x" for _ in answers))
        replies = [
            ok(one, *answer[:1], *answer[1]) for one, answer in zip(sent, answers, strict=True)
        ]
        if shuffled:
            replies.reverse()
        data = b"".join(replies)
        step = 1 + len(data) // 3
        for at in range(0, len(data), step):
            served.hear(data[at : at + step], quick=quick)
        outcomes.append((served.answered, list(served.lane.pending)))
    assert outcomes[0] == outcomes[1]


def test_a_lane_ends_with_its_dialog() -> None:
    served = learned()
    (second,) = served.post("b")
    served.ua.drop_dialog(served.dialog)
    assert served.hear(ok(second)) == []
    assert served.ua.handle_timer(100.0) == []
    with pytest.raises(StateError):
        served.ua.open_lane(served.dialog)
