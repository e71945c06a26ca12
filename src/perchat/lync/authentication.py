"""
Signing in and signed messages ([MS-SIPAE]): the names of both ends.

NTLM and Kerberos are spoken, by the `Acceptor` on a server's connection and the
`Initiator` on a client's. TLS-DSK is neither offered nor answered. The SDK takes its end
from where it stands, so that programs do not load the server's.
"""

from __future__ import annotations

from perchat.lync.acceptor import REALM, Acceptor
from perchat.lync.association import Check, CounterWindow, SecurityAssociation
from perchat.lync.diagnostics import Refused
from perchat.lync.initiator import KERBEROS, NTLM, Initiator, TicketNeeded
from perchat.lync.ntlm import nt_hash
from perchat.lync.ntlm_message import NtlmTarget
from perchat.lync.verdict import Accepted, Account, Challenged, ProofNeeded, TicketShown, Verdict

__all__ = [
    "KERBEROS",
    "NTLM",
    "REALM",
    "Accepted",
    "Acceptor",
    "Account",
    "Challenged",
    "Check",
    "CounterWindow",
    "Initiator",
    "NtlmTarget",
    "ProofNeeded",
    "Refused",
    "SecurityAssociation",
    "TicketNeeded",
    "TicketShown",
    "Verdict",
    "nt_hash",
]
