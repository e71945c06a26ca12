"""
Many users, ten rooms each: join, read, post, leave, join again, and stay to the end.

Every session has to hear every post of its time in the room once, and all in the same order.
Ctrl-C ends it in good order.
"""

import argparse
import asyncio
import os
import signal
import statistics
from collections import defaultdict
from contextlib import AsyncExitStack

import perchat

RECENT = 30
PATIENCE = 30.0  # seconds for what runs when it is stopped
SIGN_INS = 10  # at a time
BUSY = perchat.EndpointOptions(timers=perchat.ClientTimers(connect=120.0, request=120.0))
END = "that was all"


class LoadTest:
    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.users = [f"load{number}" for number in range(1, given.users + 1)]
        self.most_posts = given.users * given.rounds * given.posts + 1  # in a room
        self.rooms: list[perchat.RoomSummary] = []
        self.heard = defaultdict[str, list[list[perchat.Message]]](list)  # by room, per session
        self.seconds: list[float] = []
        self.stop = asyncio.Event()
        self.together = asyncio.Barrier(given.users + 1)
        self.doors = asyncio.Semaphore(SIGN_INS)

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            chat = await self.sign_in(self.given.user, stack)
            await self.set_up(chat)
            print("running", flush=True)
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
                self.on_interrupt(limit)
                for user in self.users:
                    group.create_task(self.user(user))
                await self.together.wait()  # all have signed in
                await self.together.wait()  # all have posted
                for room in self.rooms:
                    async with chat.join(room) as session:
                        await session.post(END)
            self.report(sum([await self.check(chat, room) for room in self.rooms]))

    async def sign_in(self, user: str, stack: AsyncExitStack) -> perchat.PersistentChatEndpoint:
        connecting = perchat.connect_user(
            f"sip:{user}@{self.given.domain}",
            server=self.given.server,
            ca=self.given.ca,
            credential=perchat.PasswordCredential(user, os.environ["PERCHAT_PASSWORD"]),
            options=BUSY,
        )
        async with self.doors:
            return await stack.enter_async_context(connecting)

    async def set_up(self, chat: perchat.PersistentChatEndpoint) -> None:
        """Make the rooms that are missing, and everybody a manager and member."""
        category, *_ = await chat.rooms.creatable_categories()
        known = {room.name: room for room in await chat.search_rooms("Load")}
        people = [chat.owner_uri, *(f"sip:{user}@{self.given.domain}" for user in self.users)]
        for name in (f"Load {number}" for number in range(1, self.given.rooms + 1)):
            room = known.get(name) or await chat.rooms.create(name, category)
            for role in (perchat.Role.MANAGER, perchat.Role.MEMBER):
                await chat.rooms.grant(room, role, people, ignore_existing=True)
            self.rooms.append(room)

    def on_interrupt(self, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()

        def finish() -> None:
            self.stop.set()
            limit.reschedule(loop.time() + PATIENCE)

        loop.add_signal_handler(signal.SIGINT, finish)

    async def user(self, user: str) -> None:
        async with AsyncExitStack() as stack:
            chat = await self.sign_in(user, stack)
            await self.together.wait()
            await chat.get_preference("load test")
            await chat.stored_invitations(0)
            last = []
            for room in self.rooms:
                for _ in range(self.given.rounds):
                    if not self.stop.is_set():
                        await self.visit(chat, room)
                session = await stack.enter_async_context(chat.join(room))
                last.append((room, session.messages(limit=self.most_posts)))
            await self.together.wait()
            for room, messages in last:
                await self.listen(room, messages)

    async def visit(self, chat: perchat.PersistentChatEndpoint, room: perchat.RoomSummary) -> None:
        async with chat.join(room) as session:
            messages = session.messages(limit=self.most_posts)
            await session.recent(RECENT)
            for number in range(self.given.posts):
                begun = asyncio.get_running_loop().time()
                await session.post(f"{number} by {chat.owner_uri}")
                self.seconds.append(asyncio.get_running_loop().time() - begun)
        heard = [message async for message in messages]  # to the end, which is when we left
        if sum(message.author == chat.owner_uri for message in heard) != self.given.posts:
            raise SystemExit(f"{chat.owner_uri} did not hear itself in {room.name}")
        self.heard[room.uri].append(heard)

    async def listen(
        self, room: perchat.RoomSummary, messages: perchat.EventStream[perchat.Message]
    ) -> None:
        heard = [await anext(messages)]
        while heard[-1].text != END:
            heard.append(await anext(messages))
        self.heard[room.uri].append(heard)

    async def check(self, chat: perchat.PersistentChatEndpoint, room: perchat.RoomSummary) -> int:
        """Hold what was heard against history; return how many sessions heard all of theirs."""
        history = {message.id: message.text async for message in chat.iter_history(room)}
        for heard in self.heard[room.uri]:
            told = range(heard[0].id, heard[-1].id + 1)
            if [(one.id, one.text) for one in heard] != [(id_, history[id_]) for id_ in told]:
                raise SystemExit(f"{room.name}: not everything once and in order")
        return len(self.heard[room.uri])

    def report(self, sessions: int) -> None:
        print(f"{len(self.users)} users, {len(self.rooms)} rooms, {len(self.seconds)} posts")
        print(f"{sessions} sessions heard all of theirs, once and in one order")
        if len(self.seconds) > 1:
            cut = statistics.quantiles(self.seconds, n=100)
            half, most, nearly = (round(cut[percent - 1] * 1000, 1) for percent in (50, 95, 99))
            print(f"a post took {half} ms in the middle, 95 %: {most} ms, 99 %: {nearly} ms")
        if self.stop.is_set():
            print("stopped")


async def main(given: argparse.Namespace) -> None:
    await LoadTest(given).run()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("domain", help="users load1, load2, … of it take part")
parser.add_argument("user", help="who makes the rooms; everybody's password: PERCHAT_PASSWORD")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
parser.add_argument("--users", type=int, default=3)
parser.add_argument("--rooms", type=int, default=10)
parser.add_argument("--posts", type=int, default=10, help="in each visit")
parser.add_argument("--rounds", type=int, default=1, help="visits to a room before the last one")
asyncio.run(main(parser.parse_args()))
