"""The app in a browser: textual-serve's server, on this machine's loopback only and behind a key.

A loopback port is open to everybody on the machine, and to every web page that its browsers show. So the address
carries a key made at each start, which becomes a cookie that no other page may send; and a request must name this
machine as its host, so that no foreign name can be pointed at it (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

LOOPBACK = ("127.0.0.1", "localhost")
COOKIE = "whaletui"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*; "
    "frame-ancestors 'none'"
)
"""What the page may load: nothing from elsewhere, so the web font that its template names is not fetched."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackServer(Server):  # type: ignore[misc]  # textual-serve comes without types
    """Serves one command, a new process of it for each page that is opened."""

    def __init__(self, command: str, port: int, title: str) -> None:
        super().__init__(command, host=LOOPBACK[0], port=port, title=title)
        self.key = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What is to be opened in a browser."""
        return f"{self.public_url}/?key={self.key}"

    async def _make_app(self) -> web.Application:
        app: web.Application = await super()._make_app()
        app.middlewares.append(self.guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is as soon as it listens, which is after this."""
        self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection(self.host, self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        print(f"open {self.address}", flush=True)
        print(
            f"from elsewhere: ssh -L {self.port}:127.0.0.1:{self.port} THIS-MACHINE first; ctrl+c ends it", flush=True
        )

    def initialize_logging(self) -> None:
        """Leave logging as it is: requests are nobody's news."""

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through only who knows the key, from a page of ours."""
        if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
            raise web.HTTPForbidden(text="this machine is called 127.0.0.1 or localhost here")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="another page may not talk to this one")
        asked = request.query.get("key", "") if request.path == "/" else ""
        if not self._knows(asked) and not self._knows(request.cookies.get(COOKIE, "")):
            raise web.HTTPForbidden(text="open the address that whaletui serve printed, with its key")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["Referrer-Policy"] = "no-referrer"
            if self._knows(asked):
                response.set_cookie(COOKIE, self.key, httponly=True, samesite="Strict")
        return response

    def _knows(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self.key.encode())
