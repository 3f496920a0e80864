"""CDP sessions with a page, with its frames in other processes, and with its workers, each before it runs.

Playwright tells of requests, but not of the scripts behind them, and it has no session for workers. Sessions of the
older kind, whose messages go through their parent, can be used beside Playwright's own.
See https://chromedevtools.github.io/devtools-protocol/tot/Target/.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import CDPSession

__all__ = ["Target", "watch"]

_MOST = 200
"""Targets of one page at once. Those beyond run unwatched; the proxy still sees the hosts that they contact."""
_SECONDS = 10.0


class Target:
    """A page, a frame in a process of its own, or a worker."""

    def __init__(
        self,
        send: Callable[[str, dict[str, Any]], Awaitable[Any]],
        listener: Callable[[Target, str, dict[str, Any]], None],
        prepare: Callable[[Target], Awaitable[None]],
        *,
        kind: str = "page",
        address: str = "",
    ) -> None:
        self._send = send
        self._listener = listener
        self._prepare = prepare
        self.kind = kind
        """CDP's type: ``page``, ``iframe``, ``worker``, ``shared_worker``, ``service_worker`` and so on."""
        self.address = address
        self.main_frame = ""
        """The id of the page's or frame's outermost frame."""
        self._children: dict[str, Target] = {}
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result. Raises ``OSError`` if it fails or the target is gone."""
        try:
            async with asyncio.timeout(_SECONDS):
                result: dict[str, Any] = await self._send(method, parameters)
                return result
        except OSError:
            raise
        except Exception as error:  # Playwright's errors, of a page that is gone, are told by no common type
            raise OSError(f"{method}: {error}") from error

    def targets(self) -> list[Target]:
        """Return this target and all below it."""
        return [self, *(below for child in tuple(self._children.values()) for below in child.targets())]

    async def attach(self) -> None:
        """Watch the target, and those that it starts from now on."""
        with contextlib.suppress(OSError):
            await self._prepare(self)
        with contextlib.suppress(OSError):
            await self.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=False)

    def heard(self, method: str, parameters: dict[str, Any]) -> None:
        """Take an event of this target."""
        if method == "Target.attachedToTarget":
            self._attached(parameters)
        elif method == "Target.detachedFromTarget":
            if child := self._children.pop(str(parameters.get("sessionId")), None):
                child.gone()
        elif method == "Target.receivedMessageFromTarget":
            if child := self._children.get(str(parameters.get("sessionId"))):
                child.received(parameters.get("message", ""))
        else:
            self._listener(self, method, parameters)

    def received(self, message: str) -> None:
        """Take a message that came through the parent."""
        found = json.loads(message)
        if "id" in found:
            waiting = self._waiting.pop(found["id"], None)
            if waiting and not waiting.done():
                waiting.set_result(found)
        elif "method" in found:
            self.heard(found["method"], found.get("params", {}))

    def gone(self) -> None:
        """Let go of everything that waits for an answer."""
        for task in tuple(self._tasks):
            task.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(OSError("the target is gone"))
        self._waiting.clear()
        for child in self._children.values():
            child.gone()
        self._children.clear()

    def _attached(self, parameters: dict[str, Any]) -> None:
        session, info = str(parameters["sessionId"]), parameters["targetInfo"]
        child = Target(
            lambda method, given: self._through(session, child, method, given),
            self._listener,
            self._prepare,
            kind=str(info.get("type", "")),
            address=str(info.get("url", "")),
        )
        is_watched = len(self._children) < _MOST
        self._children[session] = child
        task = asyncio.ensure_future(self._begin(child, is_watched=is_watched))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, child: Target, *, is_watched: bool) -> None:
        try:
            if is_watched:
                self._listener(child, "attached", {})
                await child.attach()
        finally:
            with contextlib.suppress(OSError):
                await child.send("Runtime.runIfWaitingForDebugger")

    async def _through(self, session: str, child: Target, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        child._last += 1
        number = child._last
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        child._waiting[number] = waiting
        message = json.dumps({"id": number, "method": method, "params": parameters})
        try:
            await self.send("Target.sendMessageToTarget", sessionId=session, message=message)
            answer = await waiting
        finally:
            child._waiting.pop(number, None)
        if "error" in answer:
            raise OSError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer.get("result", {})
        return result


_EVENTS = (
    "Target.attachedToTarget",
    "Target.detachedFromTarget",
    "Target.receivedMessageFromTarget",
    "Runtime.bindingCalled",
    "Network.requestWillBeSent",
    "Network.requestServedFromCache",
    "Network.responseReceived",
    "Network.responseReceivedExtraInfo",
    "Network.loadingFailed",
    "Network.loadingFinished",
    "Network.webSocketCreated",
    "Network.webSocketHandshakeResponseReceived",
    "Network.webTransportCreated",
    "DOMStorage.domStorageItemAdded",
    "Fetch.requestPaused",
)


async def watch(
    session: CDPSession,
    listener: Callable[[Target, str, dict[str, Any]], None],
    prepare: Callable[[Target], Awaitable[None]],
) -> Target:
    """Watch a page, or the whole browser, by a session of Playwright's."""
    target = Target(session.send, listener, prepare)
    for event in _EVENTS:
        session.on(event, lambda parameters, event=event: target.heard(event, parameters))
    await target.attach()
    return target
