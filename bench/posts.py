"""
What a post and a delivery cost inside the server: everything but the sockets.

Clients are bytes put into connections and an answer to whatever comes out, in the same
process; their own share is measured by itself and taken off.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.figure import Figure
from perchat.chat.service import ChatService
from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.net.connection import Connection
from perchat.server.fanout import Fanout
from perchat.server.install import install, load_key
from perchat.server.population import PopulatedRoom, Population, populate, room_uri
from perchat.server.routing import ALLOW, FrontEnd
from perchat.server.services import EnvelopeIds, Services, wall_clock
from perchat.server.storage import chat_settings, open_store
from perchat.server.tasks import Tasks
from perchat.sip.useragent import UserAgentSettings
from perchat.store.directory import Directory
from perchat.xccos.encoder import encode
from perchat.xccos.blocks import RoomUris
from perchat.xccos.primitives import Chat, Command, Envelope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DOMAIN = "example.com"
