from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.lync.diagnostics import Refused
from perchat.lync.registration import (
    Registration,
    epid,
    gruu,
    instance_uuid,
    registered_headers,
)
from perchat.sip.message import Headers, Request
from tests.lync.transcript import recorded

PRIMARY = ';primary-cluster-type="central";is-connected-to-primary="yes"'
"""Lync's addition to the presence-state that older servers sent ([MS-SIPREGE] 4.2.2)."""

INSTANCE = "b7878522-d7fe-5c33-b30d-265f6618ae78"


def register(**changes: str | None) -> Request:
    """The recorded client's first REGISTER, with headers changed; None leaves one out."""
    message = recorded("sipe-ntlm-v4.txt")[0].message
    assert isinstance(message, Request)
    headers = message.headers
    for name, value in changes.items():
        full = name.replace("_", "-")
        headers = headers.replaced(full, *(() if value is None else (value,)))
    return Request(message.method, message.uri, headers)


def granted(request: Request, *, default: int = 600, most: int = 7200) -> Registration:
    found = Registration.parse(request, default=default, most=most)
    assert isinstance(found, Registration)
    return found


def refused(request: Request, *, strict: bool = False) -> tuple[int, int]:
    found = Registration.parse(request, strict=strict)
    assert isinstance(found, Refused)
    return found.status, found.error_id


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("cf0b98dadeb9", INSTANCE),
        ("8248ca9ebb", "4233fd41-093b-5fd6-b5d2-651ed55969e6"),  # [MS-SIPAE] 4.1
        ("01010101", "4b1682a8-f968-5701-83fc-7c6741dc6697"),  # [MS-SIPRE]
        ("c8ca638a15", "34d859db-6585-5f91-a3b4-de853c15347d"),  # Communicator 2007 R2
    ],
)
def test_the_instance_follows_from_the_epid(name: str, instance: str) -> None:
    assert instance_uuid(name) == instance


@given(st.text("0123456789abcdef", min_size=1, max_size=16))
def test_the_instance_is_a_uuid_of_version_five(name: str) -> None:
    found = uuid.UUID(instance_uuid(name))
    assert (found.version, found.variant) == (5, uuid.RFC_4122)


def test_the_epid_is_the_user_s_on_this_host() -> None:
    assert epid("sip:alice@example.com", "vm", "127.0.0.1") == "cf0b98dadeb9"
    assert epid("sip:alice@example.com", "vm", "127.0.0.2") != "cf0b98dadeb9"


def test_the_gruu_is_the_one_a_real_server_gave() -> None:
    assert gruu("sip:user@cosmo.local", "34d859db-6585-5f91-a3b4-de853c15347d") == (
        "sip:user@cosmo.local;opaque=user:epid:21nYNIVlkV-jtN6FPBU0fQAA;gruu"
    )


def test_a_recorded_register_is_understood() -> None:
    assert granted(register()) == Registration(
        "sip:alice@example.com",
        "cf0b98dadeb9",
        INSTANCE,
        "sip:127.0.0.1:57494;transport=tcp;ms-opaque=d3470f2e1d",
        600,
    )


def test_an_instance_without_hyphens_is_read_and_the_gruu_follows_it() -> None:
    """[MS-SIPRE] 4.10 writes one so, in a REGISTER whose epid says otherwise."""
    bare = "75ab1008bcc45544924daa177c824291"
    found = granted(register(Contact=f'<sip:a@b>;+sip.instance="<urn:uuid:{bare}>"'))
    assert found.instance == bare
    assert found.gruu == gruu("sip:alice@example.com", "75ab1008-bcc4-5544-924d-aa177c824291")
    assert f'+sip.instance="<urn:uuid:{bare}>"' in dict(registered_headers(found))["Contact"]


def test_hyphens_make_no_other_instance() -> None:
    contact = f'<sip:a@b>;+sip.instance="<urn:uuid:{INSTANCE.replace("-", "")}>"'
    assert isinstance(Registration.parse(register(Contact=contact), strict=True), Registration)


def test_a_recorded_sign_out_is_understood() -> None:
    message = recorded("sipe-ntlm-v4.txt")[64].message
    assert isinstance(message, Request)
    assert granted(message).expires == 0
    assert registered_headers(granted(message)) == (("Expires", "0"),)


def test_communicator_s_register_is_understood_and_answered_as_its_server_did() -> None:
    _, asked, told = (entry.message for entry in recorded("ocs-2007-r2.txt"))
    assert isinstance(asked, Request)
    found = Registration.parse(asked, default=7200, strict=True)
    assert isinstance(found, Registration)
    assert found.instance == "34D859DB-6585-5F91-A3B4-DE853C15347D"
    names = ("Expires", "presence-state", "Allow-Events", "ms-keep-alive")
    ours = Headers(registered_headers(found))
    assert [(ours.get(name) or "").removesuffix(PRIMARY) for name in names] == [
        told.headers.get(name) for name in names
    ]
    assert ours.get_all("Supported") == told.headers.get_all("Supported")
    assert found.gruu in (told.headers.get("Contact") or "")


def test_the_answer_is_the_recorded_one() -> None:
    told = recorded("sipe-ntlm-v4.txt")[5].message
    ours = registered_headers(granted(register()))
    theirs = [item for item in told.headers][5:13]  # noqa: C416
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    same = [at for at, (name, _) in enumerate(ours) if name != "Contact"]
    assert [(ours[at][0], ours[at][1].removesuffix(PRIMARY)) for at in same] == [
        theirs[at] for at in same
    ]
    assert ours[1][1] == (
        "<sip:127.0.0.1:57494;transport=tcp;ms-opaque=d3470f2e1d>;expires=600"
        f';+sip.instance="<urn:uuid:{INSTANCE}>"'
        ';gruu="sip:alice@example.com;opaque=user:epid:IoWHt_7XM1yzDSZfZhiueAAA;gruu"'
    )


def test_a_refresh_is_told_from_a_beginning() -> None:
    headers = registered_headers(granted(register()), keep_alive=60, refreshed=True)
    assert dict(headers)["presence-state"] == 'register-action="refreshed"' + PRIMARY
    assert dict(headers)["ms-keep-alive"].endswith("timeout=60")


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 600),
        ({"Expires": "120"}, 120),
        ({"Expires": "999999"}, 7200),
        ({"Contact": "<sip:a@b>;expires=30", "Expires": "120"}, 30),
        ({"Contact": "*", "Expires": "0"}, 0),
        ({"Contact": None, "Expires": "0"}, 0),
    ],
)
def test_what_is_granted_is_what_is_asked_within_limits(
    changes: dict[str, str | None], seconds: int
) -> None:
    assert granted(register(**changes)).expires == seconds


def test_the_limits_can_be_set() -> None:
    assert granted(register(), default=50).expires == 50
    assert granted(register(Expires="500"), most=60).expires == 60


def test_an_epid_is_enough() -> None:
    found = granted(register(Contact="<sip:alice@127.0.0.1>"))
    assert found.instance == INSTANCE


def test_an_instance_is_enough() -> None:
    found = granted(register(From="<sip:alice@example.com>;tag=1"))
    assert (found.epid, found.instance) == ("", INSTANCE)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"Event": "presence"}, (489, 4055)),
        ({"Supported": "adhoclist, msrtc-event-categories"}, (421, 2057)),
        ({"From": "<sip:alice@example.com>;tag=1", "Contact": "<sip:a@b>"}, (400, 4010)),
        ({"From": f"<sip:alice@example.com>;epid={'a' * 65}"}, (400, 4012)),
        ({"From": '<sip:alice@example.com>;epid="a b"'}, (400, 4012)),
        ({"To": "<sip:bob@example.com>"}, (403, 4004)),
    ],
)
def test_what_cannot_be_registered_is_refused(
    changes: dict[str, str | None], answer: tuple[int, int]
) -> None:
    assert refused(register(**changes)) == answer


def test_what_is_missing_is_named_in_the_answer() -> None:
    found = Registration.parse(register(Supported="msrtc-event-categories"))
    assert isinstance(found, Refused)
    assert dict(found.headers)["Require"] == "gruu-10"


def test_strictness_is_a_choice() -> None:
    assert granted(register(Event=None)).expires
    assert refused(register(Event=None), strict=True) == (489, 4055)
    other = register(From="<sip:alice@example.com>;epid=0102")
    assert granted(other).instance == INSTANCE
    assert refused(other, strict=True) == (400, 4010)


def test_the_address_is_kept_in_lower_case() -> None:
    found = granted(register(From="<sip:ALICE@Example.com>;epid=1", To="<SIP:alice@example.com>"))
    assert found.aor == "sip:alice@example.com"


@pytest.mark.parametrize(
    "changes", [{"Expires": "soon"}, {"Contact": "<sip:a@b>;expires=x"}, {"Contact": None}]
)
def test_what_cannot_be_read_is_the_client_s_fault(changes: dict[str, str | None]) -> None:
    with pytest.raises(RemoteProtocolError):
        Registration.parse(register(**changes))
