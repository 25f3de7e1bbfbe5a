"""`serve`: the app in a browser on this machine, for who wants it there."""

from __future__ import annotations

import shlex
import socket
import sys
from argparse import Namespace

from engine.contract.errors import WhaleError
from whaletui.cli.common import workspace_of
from whaletui.cli.output import DONE


def serve(options: Namespace) -> int:
    """Serve the app on the loopback until ctrl+c; every page that is opened is an app of its own."""
    workspace = workspace_of(options)
    try:
        from whaletui.web import LOOPBACK, LoopbackServer
    except ModuleNotFoundError as error:
        raise WhaleError(
            f"serving needs {error.name}, which is not installed",
            "uv pip install textual-serve",
        ) from error
    _refuse_taken(LOOPBACK[0], options.port)
    command = shlex.join([sys.executable, "-m", "whaletui", str(workspace.root)])
    LoopbackServer(command, options.port, f"whaletui: {workspace.root.name}").serve()
    return DONE


def _refuse_taken(host: str, port: int) -> None:
    """Refuse a port that somebody listens on, before anything is printed."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            raise WhaleError(f"port {port} cannot be listened on: {error}", "name another with --port") from error
