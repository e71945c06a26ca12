"""Values read and written: what is written is read back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.sip.header import (
    CSeq,
    NameAddr,
    Via,
    format_params,
    parse_contacts,
    parse_name_addrs,
    parse_params,
    parse_vias,
)
from perchat.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
PARAMS = st.dictionaries(
    TOKENS.map(str.lower).filter(lambda name: name != "tag"), st.none() | TOKENS, max_size=4
)
NAMES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=20
)
PIECES = st.lists(
    st.sampled_from(
        [";a=1", ";A=2", ";tag=x", ";tag", ";b", ";tag=a:b", ';c="d;e"', ";=", ";d=", ';tag="x"',
         ';+f="<urn:x>"', ';+F="a, b"', ';+g="a=b"', ';+h="\\""', ';+i=" "', ';+j="\t"', ";+="]
    )
).map("".join)  # fmt: skip
SIP_LIKE = st.text('aTag19.;=@:?<>\\"[], ', max_size=24)


def outcome(read: Callable[[str], object], text: str) -> object:
    """Return what comes of reading a text, an error included."""
    try:
        return read(text)
    except RemoteProtocolError as error:
        return type(error)


@given(NAMES, TOKENS, PARAMS)
def test_an_address_is_read_as_it_was_written(name: str, user: str, params: dict[str, str]) -> None:
    address = NameAddr(name, f"sip:{user}@example.com;lr", params)
    assert NameAddr.parse(str(address)) == address


@given(TOKENS, st.none() | st.integers(0, 65535), PARAMS)
def test_a_via_is_read_as_it_was_written(
    transport: str, port: int | None, params: dict[str, str]
) -> None:
    via = Via(transport, "example.com", port, params)
    assert Via.parse(str(via)) == via


@given(TOKENS, st.none() | st.integers(0, 70000), TOKENS)
def test_blanks_change_nothing_of_a_via(transport: str, port: int | None, branch: str) -> None:
    said = "192.0.2.1" if port is None else f"192.0.2.1:{port}"
    sent = f"SIP/2.0/{transport}"
    texts = f"{sent} {said};branch={branch}", f"{sent}  {said} ;branch = {branch}"
    if port is not None and port > 65535:
        for text in texts:
            with pytest.raises(RemoteProtocolError):
                Via.parse(text)
    else:
        assert Via.parse(texts[0]) == Via.parse(texts[1])
        assert Via.parse(texts[0]).branch == branch


@given(st.none() | TOKENS, st.none() | st.integers(0, 65535), PARAMS)
def test_a_uri_is_read_as_it_was_written(
    user: str | None, port: int | None, params: dict[str, str]
) -> None:
    uri = Uri("sips", user, "[2001:db8::1]", port, params, "a=b")
    assert Uri.parse(str(uri)) == uri


@given(st.lists(st.tuples(NAMES, TOKENS), min_size=1, max_size=4))
def test_a_list_is_cut_at_its_commas_alone(names: list[tuple[str, str]]) -> None:
    addresses = [NameAddr(f"{name}, <;>", f"sip:{user}@example.com") for name, user in names]
    assert parse_name_addrs(", ".join(map(str, addresses))) == addresses


@given((SIP_LIKE.map(";{}".format) | PIECES | PARAMS.map(format_params)).filter(bool))
def test_parameters_are_read_alike_plain_or_not(text: str) -> None:
    assert outcome(parse_params, text) == outcome(parse_params, f"{text} ")


@given(SIP_LIKE | st.builds("{}@{}".format, TOKENS, st.sampled_from(["b", "b.c:1", "[::1]", ""])))
def test_a_uri_is_read_alike_plain_or_not(rest: str) -> None:
    assert outcome(Uri.parse, f"sip:{rest}") == outcome(Uri.parse, f"SIP:{rest}")


@pytest.mark.parametrize(
    "text",
    ["", "x", "INVITE 1", "1", "-1 INVITE", "1 INVITE x", "٣ INVITE", "1_0 INVITE", "2147483648 X"],
)
def test_no_cseq(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        CSeq.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "<>", "sip:", "sip:a b@c", "sip:a@", "sip:@b", "sip:a@b@c", "sip:a@b:99999", "sip:a@b:",
     "sip:a@b;;lr", "sip:a@b;=x", "sip:a@b;x=1;X=2", "1sip:a", ":a", "sip:a@b/c", "sip:[::1"],
)  # fmt: skip
def test_no_uri(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Uri.parse(text)


@pytest.mark.parametrize(
    "text",
    ['"a" sip:a@b', '"a <sip:a@b>', "<sip:a@b", "a,b <sip:a@b>", "sip:a@b?c=d", "<sip:a@b>tag=1",
     "<sip:a@b>;tag", "<sip:a@b>;tag=a b", "<sip:a@b>;tag=a:b", "<sip:a@b>;x=1;x=2", "*"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        NameAddr.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "SIP/2.0", "SIP/2.0/TCP", "SIP/2.0/TCP ", "SIP/2.0/TCP a:b", "SIP/2.0/TCP a;", "TCP a",
     "SIP/2.0/TCP a:99999", "SIP/2.0/TCP a b", "SIP/2.0/TCP a;branch=1;branch=2"],
)  # fmt: skip
def test_no_via(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_vias(text)


def test_a_star_is_no_contact() -> None:
    assert parse_contacts("*") == []


def test_parameters_lose_their_quotes_only_when_asked() -> None:
    contact = NameAddr.parse('<sip:a@b>;+sip.instance="<urn:uuid:1>";methods="A, B";flag')
    assert contact.params["+sip.instance"] == '"<urn:uuid:1>"'
    assert contact.param("+sip.instance") == "<urn:uuid:1>"
    assert (contact.param("methods"), contact.param("flag"), contact.param("x")) == (
        "A, B",
        "",
        None,
    )
    assert parse_params("") == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [  # RFC 3261 §19.1.4
        ("sip:alice@AtLanTa.CoM;Transport=udp", "sip:alice@atlanta.com;transport=UDP", True),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", True),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", True),
        ("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", False),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", False),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", False),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", False),
    ],
)
def test_uris_are_compared_as_the_standard_says(one: str, other: str, same: bool) -> None:
    assert Uri.parse(one).same_as(Uri.parse(other)) is same


def test_an_address_of_record_has_no_port_and_no_parameters() -> None:
    assert Uri.parse("sip:ada:secret@Example.COM:5061;lr?a=b").address == "sip:ada@example.com"
    assert Uri.parse("tel:+49").address == "tel:+49"
