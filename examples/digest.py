"""Mail what is new in a room to its members: at once, and then each message as it comes."""

import argparse
import asyncio
import os
from email.message import EmailMessage
from pathlib import Path

import perchat


async def addresses(chat: perchat.PersistentChatEndpoint, room: perchat.RoomDetails) -> list[str]:
    """Return whom to write to, and print who cannot be written to."""
    found = []
    for principal in [entry.principal for entry in await chat.rooms.members(room)]:
        if principal.type is not perchat.PrincipalType.USER:
            print("not a person:", principal.name)
            continue
        user = await chat.users.get(principal)  # which takes a system user
        if user.disabled or not user.email:
            print("disabled:" if user.disabled else "no address:", user.name)
        else:
            found.append(user.email)
    return found


def line(message: perchat.Message) -> str:
    mark = "[important] " if message.is_alert else ""
    text = "".join(part.display for part in message.parts if part.display != message.title)
    title = f"<{message.title}> " if message.title else ""
    return f"{message.timestamp:%Y-%m-%d %H:%M} {message.author_name}: {mark}{title}{text}"


def mail(folder: Path, room: str, to: list[str], messages: list[perchat.Message]) -> None:
    """Leave a mail where the mail server fetches it."""
    written = EmailMessage()
    written["Subject"] = f"{len(messages)} new in {room}"
    written["To"] = ", ".join(to)
    written.set_content("\n".join(map(line, messages)))
    (folder / f"{messages[-1].id:08}.eml").write_bytes(bytes(written))


async def main(given: argparse.Namespace) -> None:
    user, password = given.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    credential = perchat.PasswordCredential(user, password)
    connecting = perchat.connect_user(
        given.uri, server=given.server, ca=given.ca, credential=credential
    )
    async with connecting as chat, chat.join(given.room) as session:
        room, stream = await chat.rooms.get(given.room), session.messages()
        to, label = await addresses(chat, room), f"digest of {room.uri}"
        kept = await chat.get_preference(label) or perchat.Preference(label, 0, "0")
        last, version = int(kept.data), kept.version
        query = perchat.HistoryQuery(after_id=last)
        news = [message async for message in session.iter_history(query)]
        for left in range(given.follow, -1, -1):
            if news:
                last = news[-1].id
                mail(given.folder, room.name, to, news)
                version = await chat.set_preference(label, str(last), version)
            if left:
                message = await anext(stream)
                news = [message] if message.id > last else []


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain, a system user; password: PERCHAT_PASSWORD")
parser.add_argument("room", help="which it is a member of")
parser.add_argument("folder", type=Path, help="where mails are left")
parser.add_argument("--follow", type=int, default=0, help="messages to wait for afterwards")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
