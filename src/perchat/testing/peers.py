"""
Real peers: programs nobody here wrote, driven from a test.

A client and a server by one hand agree with each other, right or wrong; only a
foreigner disagrees. `SipeClient` holds the real pidgin-sipe client open through its
driver (``tests/peers/sipe``), `run_sipp` runs an SIPp scenario. Nothing here sleeps:
every wait is for something that is said, with a deadline.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SipeAccount", "SipeClient", "SipeEvent", "SipeFailure", "SippVerdict", "run_sipp"]

SipeEvent = dict[str, Any]
"""One line of the driver: ``time``, ``event`` and what that event tells."""

DEADLINE = 20.0  # seconds; generous, because it is only ever reached by a failure


_DONE = 200
_COMPLAINTS = ("bad-signature", "command-failed", "room-error", "notify", "question")


class SipeFailure(AssertionError):
    """A step failed, or what was waited for did not come; the message shows what did."""


@dataclass(frozen=True, slots=True)
class SipeAccount:
    r"""
    Who signs in, and where.

    Attributes:
        login: As a person would type it: ``name``, ``DOMAIN\name`` or ``name@realm``.
        port: Of the server's listener for ``transport``.
        transport: ``tcp`` or ``tls``.
        authorities: A folder of ``*.pem`` the client trusts; None: accept any certificate.
        chat_uri: Overrides what the server provisions.
        scheme: ``ntlm``, ``krb5`` or ``auto``.
        single_sign_on: Use the ticket of who is logged on, not the password.
        environment: What Kerberos needs, for example ``KRB5CCNAME``.
        user_agent: Sent in place of the plug-in's own name; empty for that.

    """

    uri: str
    login: str
    password: str = field(repr=False)
    port: int
    transport: str = "tcp"
    host: str = "127.0.0.1"
    authorities: Path | None = None
    chat_uri: str = ""
    scheme: str = "ntlm"
    single_sign_on: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    user_agent: str = ""

    def arguments(self) -> tuple[str, ...]:
        """Return the driver's options; the password travels in the environment."""
        trust = ("--ca", str(self.authorities)) if self.authorities else ("--insecure",)
        chat = ("--groupchat", self.chat_uri) if self.chat_uri else ()
        name = ("--user-agent", self.user_agent) if self.user_agent else ()
        return (
            *("--account", self.uri, "--login", self.login),
            *("--host", self.host, "--port", str(self.port), "--transport", self.transport),
            *("--auth", self.scheme, *(("--sso",) if self.single_sign_on else ())),
            *(trust if self.transport == "tls" else ()),
            *chat,
            *name,
        )


class SipeClient:
    """
    A pidgin-sipe client, held open; leave by ``async with``.

    Each has a libpurple folder of its own. Its endpoint id is a hash of account, host
    name and address, so two clients of one account on one machine are one endpoint.

    Attributes:
        events: Everything the client told so far.

    """

    def __init__(self, driver: Path, account: SipeAccount, *, log: Path | None = None) -> None:
        """Remember what to start; ``log`` receives the client's whole log, SIP included."""
        self.account = account
        self.events: list[SipeEvent] = []
        self._command = [str(driver), *account.arguments(), "--stdin", "--timeout", "600"]
        self._command += ["--debug-file", str(log)] if log else []
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._given_out: set[int] = set()

    # life

    async def __aenter__(self) -> Self:
        """Start the client and sign in."""
        try:
            await self._start()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Sign out and wait for the program to end."""
        process = self._running()
        try:
            async with asyncio.timeout(DEADLINE):
                if process.stdin is not None and not process.stdin.is_closing():
                    process.stdin.write(b"quit\n")
                    process.stdin.close()
                while await self._advance():
                    pass
                await process.wait()
        except (TimeoutError, ConnectionError):
            await self.kill()

    async def kill(self) -> None:
        """End the program at once, without a sign-out."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.kill()
        await self._process.wait()

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={
                **os.environ,
                **self.account.environment,
                "SIPE_RIG_PASSWORD": self.account.password,
            },
            limit=1 << 20,
        )
        await self._finished("connect", 0)

    # what it does

    async def step(self, step: str) -> list[SipeEvent]:
        """
        Have the client do one step of its driver's README; return what it told meanwhile.

        Raises:
            SipeFailure: The step failed or did not end in time.

        """
        stdin, begun = self._running().stdin, len(self.events)
        if stdin is None:
            raise SipeFailure("the client's input is closed")
        stdin.write(step.replace("\n", "\\n").encode() + b"\n")
        await stdin.drain()
        end = await self._finished(step, begun)
        return self.events[begun:end]

    async def connect(self) -> None:
        """Sign in again after a disconnection."""
        await self.step("connect")

    async def ready(self) -> None:
        """Wait until the dialog with the chat server stands."""
        await self.step("ready")

    async def rooms(self) -> dict[str, SipeEvent]:
        """Return the room list by name."""
        told = await self.step("list")
        return {event["name"]: event for event in told if event["event"] == "room"}

    async def join(self, room: str) -> None:
        """Join a room by name or URI; it is then the current one."""
        await self.step(f"join={room}")

    async def members(self) -> list[str]:
        """Return the current room's participants as the client lists them, doubles included."""
        told = await self.step("members")
        (members,) = (event for event in told if event["event"] == "members")
        return [member["uri"].removeprefix("sip:") for member in members["members"]]

    async def history(self, room: str) -> list[str]:
        """Return the texts the answer after the last join brought, in the client's order."""
        await self.step("history=0")
        told, joined = self.events, {"event": "joined", "room": room}
        begun = max((i for i, event in enumerate(told) if _has(event, joined)), default=0)
        wanted = {"event": "message", "room": room, "history": True}
        return [event["text"] for event in told[begun:] if _has(event, wanted)]

    async def send(self, text: str) -> None:
        """Post to the current room; the client shows it when the server sends it back."""
        await self.step(f"send={text}")

    async def leave(self) -> None:
        """Leave the current room and wait for the server's word."""
        await self.step("leave")

    # what it saw

    def lines(self, room: str | None = None) -> list[SipeEvent]:
        """Return the chat lines shown so far, history and own ones included."""
        return [
            event
            for event in self.events
            if event["event"] == "message" and room in (None, event["room"])
        ]

    def complaints(self) -> list[SipeEvent]:
        """Return what the client found wrong with the server: signatures, answers, notices."""
        return [event for event in self.events if _is_complaint(event)]

    async def told(self, event: str, **expected: object) -> SipeEvent:
        """
        Wait for an event whose fields are as ``expected``; each event is given out once.

        Raises:
            SipeFailure: It did not come in time.

        """
        wanted = {"event": event, **expected}
        try:
            async with asyncio.timeout(DEADLINE):
                position = await self._search(wanted)
        except TimeoutError:
            raise self._failure(f"no {wanted} within {DEADLINE:g} s") from None
        self._given_out.add(position)
        return self.events[position]

    async def hears(self, text: str, *, author: str | None = None) -> SipeEvent:
        """Wait for a live line with exactly this text, from ``author`` if one is given."""
        who: dict[str, object] = {} if author is None else {"from": author}
        return await self.told("message", text=text, history=False, **who)

    # how it reads

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise SipeFailure("the client was not started")
        return self._process

    async def _search(self, wanted: Mapping[str, object], position: int = 0) -> int:
        while True:
            if position == len(self.events) and not await self._advance(position):
                raise self._failure(f"the client ended before {dict(wanted)}")
            if position not in self._given_out and _has(self.events[position], wanted):
                return position
            position += 1

    async def _finished(self, step: str, begun: int) -> int:
        """Return the place after the step's verdict, which is looked for from ``begun`` on."""
        try:
            async with asyncio.timeout(DEADLINE):
                line = step.strip().replace("\n", "\\n")
                position = await self._search({"event": "step", "step": line}, begun)
        except TimeoutError:
            raise self._failure(f"{step}: no verdict in time") from None
        if not self.events[position]["ok"]:
            why = [e["why"] for e in self.events[begun:position] if e["event"] == "failure"]
            raise self._failure(f"{step}: {'; '.join(why)}")
        return position + 1

    async def _advance(self, known: int | None = None) -> bool:
        """Read one more event, unless somebody did since ``known``; False: there is no more."""
        stdout = self._running().stdout
        if stdout is None:
            return False
        async with self._turn:
            if known is not None and len(self.events) > known:
                return True
            line = await stdout.readline()
            if line:
                self.events.append(json.loads(line))
            return bool(line)

    def _failure(self, sentence: str) -> SipeFailure:
        told = "\n".join(f"  {json.dumps(event)}" for event in self.events[-25:])
        log = f"\nits log: {self._log}" if self._log else ""
        return SipeFailure(f"{self.account.uri}: {sentence}; it told:\n{told}{log}")


def _is_complaint(event: SipeEvent) -> bool:
    if event["event"] == "reply":  # a notice has no code; the client then tells one of its own
        return str(event["id"]).startswith("rpl:") and event["code"] != _DONE
    return event["event"] in _COMPLAINTS


def _has(event: SipeEvent, wanted: Mapping[str, object]) -> bool:
    return all(key in event and event[key] == value for key, value in wanted.items())


@dataclass(frozen=True, slots=True)
class SippVerdict:
    """
    What an SIPp run came to.

    Attributes:
        passed: Whether every call went as the scenario says.
        trace: The messages and errors SIPp wrote down.

    """

    passed: bool
    trace: str


async def run_sipp(
    scenario: Path,
    host: str,
    port: int,
    folder: Path,
    *,
    calls: int = 1,
    deadline: float = DEADLINE,
) -> SippVerdict:
    """Run a scenario over one TCP connection; both paths absolute; ``folder`` takes SIPp's logs."""
    messages, errors = folder / "messages.log", folder / "errors.log"
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{host}:{port}", "-sf", str(scenario), "-t", "t1", "-i", "127.0.0.1"),
        *("-m", str(calls), "-r", "500", "-l", "1", "-nostdin", "-max_socket", "16"),
        *("-timeout", f"{deadline:g}s", "-timeout_error", "-recv_timeout", "5000"),
        *("-trace_msg", "-message_file", str(messages), "-trace_err", "-error_file", str(errors)),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TERM": "dumb"},
    )
    try:
        async with asyncio.timeout(deadline + 5):
            _, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        _, complaint = await process.communicate()
    written = [path.read_text() for path in (messages, errors) if path.exists()]
    trace = "\n".join([*written, complaint.decode(errors="replace")])
    return SippVerdict(process.returncode == 0, trace)
