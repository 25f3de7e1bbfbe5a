"""Pretrained weights from the network, without waiting for a network that is not there.

The hub's client tries five times for each file before it gives up, three quarters of a minute in all.
Here one short knock at the door decides first; what is cached is found either way.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from engine.contract.errors import WeightsError

KNOCK_SECONDS = 3.0
STALLED_SECONDS = 30.0
"""A download that brings no byte for so long is given up."""


def hub_address() -> str:
    """Return the address of the hub that timm's weights come from."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def reachable(address: str, seconds: float = KNOCK_SECONDS) -> bool:
    """Tell whether a web server answers, through the proxy where one is set, within `seconds`.

    In a thread of its own, since looking up a name obeys no time limit.
    """
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_knock(address, seconds)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False


def _knock(address: str, seconds: float) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=seconds).close()
    except urllib.error.HTTPError:
        return True  # a server that refuses is a server that answers
    except urllib.error.URLError as error:
        return isinstance(error.reason, ssl.SSLError)  # other clients may know its certificate
    except OSError:
        return False
    return True


def no_weights(backbone: str, cause: str = "") -> WeightsError:
    """Return the error for weights that cannot be had; without a cause, because there is no network."""
    seen = cause or "there is no network, and they are not in the cache"
    return WeightsError(
        f"the pretrained weights of {backbone} cannot be had: {seen}",
        "set model.weights to the path of a local file, or to none",
    )


@contextmanager
def without_waiting(address: str, backbone: str) -> Iterator[None]:
    """Let a library fetch weights: at once from its cache, else from the network only where there is one.

    Raises:
        WeightsError: they could not be had, from whatever cause; says what to do instead.
    """
    from huggingface_hub import constants, errors

    online = reachable(address)
    timeout_before, offline_before = socket.getdefaulttimeout(), constants.HF_HUB_OFFLINE
    socket.setdefaulttimeout(STALLED_SECONDS if online else KNOCK_SECONDS)
    # The environment variable of this name is read once, when the client is imported, which it is by now.
    constants.HF_HUB_OFFLINE = offline_before or not online
    try:
        yield
    except (OSError, RuntimeError, getattr(errors, "HTTPError", OSError)) as error:
        raise no_weights(backbone, _first_line(error) if online else "") from error
    finally:
        socket.setdefaulttimeout(timeout_before)
        constants.HF_HUB_OFFLINE = offline_before


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
