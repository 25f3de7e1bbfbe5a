"""The app in a browser: who is let in, where it listens, and a real headless Chromium that presses a key in it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_kit import RecordedLab
from PIL import Image

from whaletui.records.model import State

aiohttp = pytest.importorskip("aiohttp", reason="textual-serve is not installed: uv pip install textual-serve")
pytest.importorskip("textual_serve", reason="textual-serve is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
PATIENCE_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def served(lab: Path) -> Iterator[str]:
    """Serve a workspace; yields the address that was printed."""
    command = [sys.executable, "-m", "whaletui", "-w", str(lab), "serve", "--port", str(free_port())]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), line
        yield line.split()[1]
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


async def test_only_who_knows_the_key_gets_in_and_only_by_this_machines_name(lab: Path) -> None:
    with served(lab) as address:
        bare = address.split("?")[0]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:

            async def status(url: str, **headers: str) -> int:
                async with session.get(url, headers=headers) as answer:
                    return int(answer.status)

            assert await status(bare) == 403
            assert await status(f"{bare}?key=guessed") == 403
            assert await status(f"{bare}ws") == 403
            assert await status(address, Host="evil.example") == 403
            assert await status(address, Origin="http://evil.example") == 403
            async with session.get(address) as answer:
                assert answer.status == 200
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
                cookie = answer.headers["Set-Cookie"]
                assert "HttpOnly" in cookie
                assert "SameSite=Strict" in cookie
            assert await status(bare) == 200  # by the cookie
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect((outer_address(), int(bare.rstrip("/").rpartition(":")[2])))


def outer_address() -> str:
    """Return an address of this machine that is not 127.0.0.1."""
    return "127.0.0.2"  # answers where a server listens on every address, on Linux


def test_a_taken_port_is_said_plainly(lab: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-m", "whaletui", "-w", str(lab), "serve", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"port {port} cannot be listened on" in done.stderr
    assert "--port" in done.stderr


class Page:
    """A page of Chromium, spoken to by its own protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.requested: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            told = await asyncio.wait_for(self._socket.receive_json(), PATIENCE_SECONDS)
            if told.get("method") == "Network.responseReceived":
                self.requested.append(told["params"]["response"]["url"])
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    async def click(self) -> None:
        """Click into the terminal, which takes no key before."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=400, y=350, button="left", clickCount=1)

    async def press(self, character: str) -> None:
        """Press a key."""
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=character, key=character)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    async def shows_finished_runs(self) -> None:
        """Wait until the table is there: finished runs are the only green on the screen."""
        for _ in range(int(PATIENCE_SECONDS)):
            await asyncio.sleep(1.0)
            shot = await self.call("Page.captureScreenshot", format="png")
            picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
            colours = picture.getcolors(picture.width * picture.height) or ()
            if sum(count for count, (red, green, _) in colours if green > 150 and green > red + 60) > 100:
                return
        raise AssertionError("no run was painted")


@contextlib.asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """Start a headless Chromium with a profile of its own and yield its page."""
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
               f"--user-data-dir={folder}", "--window-size=1300,800", "--disable-dev-shm-usage",
               "about:blank"]  # fmt: skip
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env={**os.environ, "HOME": str(folder)}
    )
    try:
        assert process.stderr is not None
        found = None
        while found is None and (line := process.stderr.readline()):
            found = re.search(r"ws://127\.0\.0\.1:(\d+)/", line)
        assert found is not None, "Chromium said nothing of its port"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{found[1]}/json") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait(30)


async def until(fulfilled: Callable[[], bool]) -> None:
    """Wait for a condition, generously."""
    for _ in range(int(PATIENCE_SECONDS / 0.2)):
        if fulfilled():
            return
        await asyncio.sleep(0.2)
    raise AssertionError("it never came to that")


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")
async def test_a_key_pressed_in_chromium_stars_the_run_and_nothing_is_fetched_from_elsewhere(
    lab: Path, tmp_path: Path
) -> None:
    recorded = RecordedLab(lab)
    records = recorded.records
    records.request_cancel(13)  # nothing waits, so no keeper is started
    recorded.end(records.run(12), State.CANCELLED)
    with served(lab) as address:
        async with browser(tmp_path / "profile") as page:
            await page.call("Page.enable")
            await page.call("Network.enable")
            await page.call("Page.navigate", url=address)
            await page.shows_finished_runs()
            await page.click()
            await page.press("*")
            await until(lambda: any(run.star for run in records.page("-id=7", limit=50).rows))
            assert {url.split("/")[2] for url in page.requested} == {address.split("/")[2]}
