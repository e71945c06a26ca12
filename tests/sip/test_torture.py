"""
The torture test messages of RFC 4475, every one of them, with its verdict.

The files are the messages of the RFC's archive. ``valid`` holds what a parser has to
take: sections 3.1.1, 3.2, 3.3 and 3.4; ``invalid`` holds section 3.1.2 and the three of
3.3 that are no complete messages.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from perchat.errors import RemoteProtocolError
from perchat.sip.events import RequestReceived
from perchat.sip.message import Request, Response
from perchat.sip.parser import Damaged, StreamBroken, StreamParser, parse_datagram
from perchat.sip.registrar import address_of_record
from perchat.sip.serializer import serialize
from perchat.sip.uri import parse_uri
from perchat.sip.useragent import UserAgent, UserAgentSettings

TORTURE = Path(__file__).parent.parent / "torture"

UP = "goes up"  # a sound request its owner has to answer
NOWHERE = "dropped"  # a sound response to nothing we asked

SOUND: dict[str, tuple[str, int | str]] = {  # name: section, what the user agent does with it
    "wsinv": ("3.1.1.1", 481),  # names a dialog that never was
    "intmeth": ("3.1.1.2", 501),
    "esc01": ("3.1.1.3", UP),
    "escnull": ("3.1.1.4", UP),
    "esc02": ("3.1.1.5", 501),
    "lwsdisp": ("3.1.1.6", UP),
    "longreq": ("3.1.1.7", UP),
    "dblreq": ("3.1.1.8", UP),
    "semiuri": ("3.1.1.9", UP),
    "transports": ("3.1.1.10", UP),
    "mpart01": ("3.1.1.11", UP),
    "unreason": ("3.1.1.12", NOWHERE),
    "noreason": ("3.1.1.13", NOWHERE),
    "baddate": ("3.1.2.12", UP),  # may be taken by who has no use for Date
    "badbranch": ("3.2.1", UP),
    "unkscm": ("3.3.2", 416),
    "novelsc": ("3.3.3", 416),
    "unksm2": ("3.3.4", UP),  # for the registrar to refuse, see below
    "bext01": ("3.3.5", 420),
    "invut": ("3.3.6", 415),
    "regaut01": ("3.3.7", UP),  # for the registrar to challenge
    "bcast": ("3.3.10", NOWHERE),
    "zeromf": ("3.3.11", UP),  # only forwarding is forbidden
    "cparam01": ("3.3.12", UP),
    "cparam02": ("3.3.13", UP),
    "regescrt": ("3.3.14", UP),
    "sdp01": ("3.3.15", UP),  # what Accept asks for is its owner's to weigh
    "inv2543": ("3.4.1", UP),
}

UNSOUND: dict[str, tuple[str, int | None]] = {  # name: section, the answer; None: no answer
    "badinv01": ("3.1.2.1", 400),
    "clerr": ("3.1.2.2", 400),
    "ncl": ("3.1.2.3", 400),
    "scalar02": ("3.1.2.4", 400),
    "scalarlg": ("3.1.2.5", None),
    "quotbal": ("3.1.2.6", 400),
    "ltgtruri": ("3.1.2.7", 400),
    "lwsruri": ("3.1.2.8", 400),
    "lwsstart": ("3.1.2.9", 400),
    "trws": ("3.1.2.10", 400),
    "escruri": ("3.1.2.11", 400),
    "regbadct": ("3.1.2.13", 400),
    "badaspec": ("3.1.2.14", 400),
    "baddn": ("3.1.2.15", 400),
    "badvers": ("3.1.2.16", 505),
    "mismatch01": ("3.1.2.17", 400),
    "mismatch02": ("3.1.2.18", 400),
    "bigcode": ("3.1.2.19", None),
    "insuf": ("3.3.1", 400),
    "multi01": ("3.3.8", 400),
    "mcl01": ("3.3.9", 400),
}

ENDS_THE_STREAM = {"inv2543", "ncl", "mcl01"}  # over a stream their end cannot be told
TWO_IN_ONE = "dblreq"
WANTS_MORE = {"clerr"}  # over a stream its body is not complete


def read(name: str) -> bytes:
    return next(TORTURE.glob(f"*/{name}.dat")).read_bytes()


def sound(name: str) -> Request | Response:
    message = parse_datagram(read(name))
    assert not isinstance(message, Damaged), message.reason
    return message


def request(name: str) -> Request:
    message = sound(name)
    assert isinstance(message, Request)
    return message


def user_agent() -> UserAgent:
    numbers = count(1)
    settings = UserAgentSettings("UDP 192.0.2.9", accept=("application/sdp", "multipart/mixed"))
    return UserAgent(settings, new_id=lambda: f"{next(numbers):08x}")


def test_every_file_has_a_verdict() -> None:
    files = {path.stem for path in TORTURE.glob("*/*.dat")}
    assert files == SOUND.keys() | UNSOUND.keys()
    assert len(files) == 49
    assert len({section for section, _ in (*SOUND.values(), *UNSOUND.values())}) == 49


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_handled_as_the_rfc_says(name: str) -> None:
    agent, verdict = user_agent(), SOUND[name][1]
    events = agent.receive(sound(name), 0.0)
    sent = agent.messages_to_send()
    if verdict == UP:
        assert [type(event) for event in events] == [RequestReceived]
        assert not sent
    elif verdict == NOWHERE:
        assert not events
        assert not sent
    else:
        assert not events
        assert [message.status for message in sent if isinstance(message, Response)] == [verdict]


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_survives_being_written_and_read(name: str) -> None:
    message = sound(name)
    again = parse_datagram(serialize(message))
    assert isinstance(again, type(message))
    ours = message.headers.replaced("Content-Length")
    assert again.headers.replaced("Content-Length") == ours
    assert again.body == message.body
    assert (again.vias, again.from_, again.to) == (message.vias, message.from_, message.to)


@pytest.mark.parametrize("name", [name for name in SOUND if name != "bcast"])
def test_what_is_sound_can_be_answered(name: str) -> None:
    agent = user_agent()
    for event in agent.receive(sound(name), 0.0):
        assert isinstance(event, RequestReceived)
        agent.respond(event.transaction, 200, now=0.0, headers=[("Contact", "<sip:us@192.0.2.9>")])
    for message in agent.messages_to_send():
        again = parse_datagram(serialize(message))
        assert isinstance(again, Response)
        assert again.to.tag


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_unsound_is_refused(name: str) -> None:
    damaged, status = parse_datagram(read(name)), UNSOUND[name][1]
    assert isinstance(damaged, Damaged)
    response = damaged.response()
    if status is None:
        assert response is None
    else:
        assert response is not None
        assert (response.status, damaged.status) == (status, status)
        assert serialize(response).startswith(b"SIP/2.0 %d " % status)


@pytest.mark.parametrize("name", [name for name in (*SOUND, *UNSOUND) if name != TWO_IN_ONE])
def test_over_a_stream_the_verdict_is_the_same(name: str) -> None:
    parser, data = StreamParser(), read(name)
    if name in ENDS_THE_STREAM:
        with pytest.raises(StreamBroken) as caught:
            parser.feed(data)
        assert caught.value.response is not None
        assert caught.value.response.status == 400
        return
    items = [item for item in parser.feed(data) if isinstance(item, Request | Response | Damaged)]
    if name in WANTS_MORE:
        assert not items
    else:
        assert isinstance(items[0], Damaged) == (name in UNSOUND)


@pytest.mark.parametrize("name", [*SOUND, *UNSOUND])
def test_over_a_stream_cuts_do_not_matter(name: str) -> None:
    def fed(pieces: list[bytes]) -> list[str]:
        parser, seen = StreamParser(), list[str]()
        try:
            for piece in pieces:
                seen += map(repr, parser.feed(piece))
        except StreamBroken as error:
            seen += [*map(repr, error.completed), f"broken: {error}"]
        return seen

    data = read(name)
    assert fed([data]) == fed([data[i : i + 1] for i in range(len(data))])


# what particular messages are about


def test_wsinv_folds_blanks_and_lists_read_as_meant() -> None:
    message = request("wsinv")
    assert [str(via) for via in message.vias] == [
        "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
        "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
        "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
    ]
    assert message.from_.display_name == 'J Rosenberg \\"'
    assert (message.from_.tag, message.to.tag) == ("98asjd8", "1918181833n")
    assert (message.cseq.number, message.headers.get("Max-Forwards")) == (9, "0068")
    assert message.headers.get("Subject") == ""
    assert message.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    contact = message.contact
    assert contact is not None
    assert (contact.display_name, contact.param("newparam")) == ('Quoted string ""', "newvalue")
    assert (contact.param("secondparam"), contact.param("q")) == ("", "0.33")


def test_intmeth_keeps_every_strange_character() -> None:
    message = request("intmeth")
    assert message.method == message.cseq.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert message.from_.param("fromparam''~+*_!.-%") == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert b"\\\x00" in serialize(message)


def test_esc01_escapes_are_not_read_as_syntax() -> None:
    message = request("esc01")
    assert parse_user(message.uri) == "sips%3Auser%40example.com"
    contact = message.contact
    assert contact is not None
    assert contact.address.params == {"%6c%72": None, "n%61me": "v%61lue%25%34%31"}


def test_esc02_escapes_do_not_make_another_method_or_header() -> None:
    message = request("esc02")
    assert message.method == "RE%47IST%45R"
    assert message.to.display_name == "%Z%45"
    assert [contact.address.user for contact in message.contacts] == ["alias1", "alias3"]


def test_lwsdisp_needs_no_blank_before_the_bracket() -> None:
    assert request("lwsdisp").from_.display_name == "caller"


def test_longreq_lists_many_vias() -> None:
    message = request("longreq")
    assert len(message.vias) == 34
    assert len(message.from_.tag) > 100


def test_dblreq_reads_one_message_of_a_datagram() -> None:
    assert request("dblreq").method == "REGISTER"


def test_dblreq_is_two_messages_on_a_stream_and_a_rest_that_is_none() -> None:
    with pytest.raises(StreamBroken) as caught:
        StreamParser().feed(read(TWO_IN_ONE) + b"\r\n\r\n")
    requests = [item for item in caught.value.completed if isinstance(item, Request)]
    assert [request.method for request in requests] == ["REGISTER", "INVITE"]


def test_semiuri_keeps_the_semicolon_in_the_user() -> None:
    assert parse_user(request("semiuri").uri) == "user;par=u%40example.net"


def test_transports_takes_any_transport() -> None:
    transports = [via.transport for via in request("transports").vias]
    assert transports == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01_carries_bytes_as_they_are() -> None:
    message = request("mpart01")
    assert message.content_type == "multipart/mixed"
    assert message.body.count(b"--7a9cbec02ceef655") == 3


def test_unreason_and_noreason_name_their_reasons() -> None:
    unreason, noreason = sound("unreason"), sound("noreason")
    assert isinstance(unreason, Response)
    assert unreason.reason.startswith("= 2**3 * 5**2 но сто")
    assert isinstance(noreason, Response)
    assert noreason.reason == ""


def test_badbranch_tells_no_two_requests_apart() -> None:
    agent = user_agent()
    first = request("badbranch")
    second = Request(
        first.method, first.uri, first.headers.replaced("CSeq", "9 OPTIONS"), first.body
    )
    assert agent.receive(first, 0.0)
    assert agent.receive(second, 0.0)


def test_bext01_names_what_is_not_supported() -> None:
    agent = user_agent()
    agent.receive(request("bext01"), 0.0)
    (response,) = agent.messages_to_send()
    unsupported = response.headers.get("Unsupported")
    assert unsupported == "nothingSupportsThis, nothingSupportsThisEither"


def test_unksm2_registers_nobody() -> None:
    with pytest.raises(RemoteProtocolError, match="isbn:2983792873") as caught:
        address_of_record(request("unksm2"))
    assert caught.value.status == 400


def test_cparam01_and_02_tell_parameters_of_header_and_uri_apart() -> None:
    outside, inside = request("cparam01").contact, request("cparam02").contact
    assert outside is not None
    assert inside is not None
    assert (outside.param("unknownparam"), outside.address.params) == ("", {})
    assert (inside.param("unknownparam"), inside.address.params) == (None, {"unknownparam": None})


def test_regescrt_keeps_headers_in_a_contact() -> None:
    contact = request("regescrt").contact
    assert contact is not None
    assert contact.address.headers == "Route=%3Csip:sip.example.com%3E"


def test_inv2543_is_answered_by_the_old_rules() -> None:
    agent = user_agent()
    (event,) = agent.receive(request("inv2543"), 0.0)
    assert isinstance(event, RequestReceived)
    assert not agent.receive(request("inv2543"), 0.1)  # a copy
    response = agent.respond(event.transaction, 200, now=1.0)
    assert response.headers.get_all("Record-Route") == (
        "<sip:UserB@example.com;maddr=ss1.example.com>",
    )


def parse_user(uri: str) -> str | None:
    return parse_uri(uri).user
