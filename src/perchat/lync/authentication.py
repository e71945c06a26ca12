"""
Signing in and signed messages ([MS-SIPAE]): the names the floors above use.

NTLM is spoken, by the `Acceptor` on a server's connection and the `Initiator`
on a client's. Kerberos and TLS-DSK are neither offered nor answered.
"""

from __future__ import annotations

from perchat.lync.acceptor import REALM, Acceptor
from perchat.lync.association import Check, CounterWindow, SecurityAssociation
from perchat.lync.diagnostics import Refused
from perchat.lync.initiator import NTLM, Initiator
from perchat.lync.ntlm import nt_hash
from perchat.lync.ntlm_message import NtlmTarget
from perchat.lync.verdict import Accepted, Account, Challenged, ProofNeeded, Verdict

__all__ = [
    "Accepted",
    "Acceptor",
    "Account",
    "Challenged",
    "Check",
    "CounterWindow",
    "Initiator",
    "NTLM",
    "NtlmTarget",
    "ProofNeeded",
    "REALM",
    "Refused",
    "SecurityAssociation",
    "Verdict",
    "nt_hash",
]
