"""What a server says of itself, in full and with gaps."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri, SipUri
from perchat.xccos.blocks import Nothing, ServerInfoQuery, ServerInfoReply, ServerUri
from perchat.xccos.codec import EPOCH
from perchat.xccos.session import NOTHING, SERVER_INFO, SERVER_INFO_QUERY, SERVER_URI


@pytest.mark.parametrize(
    ("data", "uri"),
    [
        (b'<data><uib uri="sip:Chat@Contoso.com" id="0"/></data>', SipUri("sip:chat@contoso.com")),
        (b'<data><uib uri="chat@contoso.com"/></data>', SipUri("sip:chat@contoso.com")),
        (b'<data><uib uri="nowhere"/></data>', None),
        (b"<data><uib/></data>", None),
        (b"<data/>", None),
    ],
)
def test_the_servers_address_may_be_missing(data: bytes, uri: SipUri | None) -> None:
    assert SERVER_URI.read(read(data)) == ServerUri(uri)


def test_a_server_need_only_name_its_root() -> None:
    root = CategoryUri("ma-cat://d/g")
    assert SERVER_INFO.read(read(b'<data><sib rootUri="ma-cat://d/g"/></data>')) == (
        ServerInfoReply(ServerInfo("", 512, 4096, 999, root, "", EPOCH, "d"), 123, is_older=True)
    )


@pytest.mark.parametrize("data", [b"<data/>", b"<data><sib/></data>", b"<d><sib rootUri='x'/></d>"])
def test_a_server_without_root_is_of_no_use(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"sib|URI"):
        SERVER_INFO.read(read(data))


def test_questions_may_be_empty() -> None:
    assert SERVER_INFO_QUERY.read(read(b"<data/>")) == ServerInfoQuery()
    assert SERVER_INFO_QUERY.read(read(b'<data><sib infoType="3"/></data>')).info_type == 3
    assert NOTHING.read(read(b"<data><x/></data>")) == Nothing()
