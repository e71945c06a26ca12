"""Make a room, let oneself in, post a line, a story and an alert, and find them again."""

import argparse
import asyncio
import os

import perchat


async def post_and_look_back(room: perchat.ChatRoomSession) -> None:
    await room.post("A plain line", rtf=r"{\rtf1 A {\b plain} line}")
    await room.post("body", title="title")
    links = perchat.MessageBuilder().text("see ").link("the plan", "https://example.com/plan")
    if room.room is not None:
        links.text(" and ").room_link(room.room)
    await room.post(links, alert=True)
    for message in await room.recent(3):
        kind = "alert" if message.is_alert else "story" if message.is_story else "line"
        print(kind, message.id, *(part.display for part in message.parts), sep="|")
    found = await room.query_history(perchat.HistoryQuery("body"))
    print("found", found.total, "by body:", found.messages[0].title)


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat:
        print(chat.server)
        category, *_ = await chat.rooms.creatable_categories()
        made = await chat.rooms.create(arguments.name, category)
        print("made", made.name, "in", category.name)
        try:
            await chat.join(made)
        except perchat.PermissionDenied:  # who makes a room manages it, and is no member
            await chat.rooms.grant(made, perchat.Role.MEMBER, chat.owner_uri)
        async with chat.join(made.uri) as room:
            await post_and_look_back(room)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("name", help="of the room")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
