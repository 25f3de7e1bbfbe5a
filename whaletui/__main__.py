"""The doorway: `whaletui [DIR]` opens the app, `whaletui COMMAND` does one thing."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.contract.errors import WhaleError, nearest


def main(arguments: list[str] | None = None) -> int:
    """Run whaletui; returns 0 (done), 1 (the thing asked for failed) or 2 (wrong usage)."""
    words = sys.argv[1:] if arguments is None else arguments
    from whaletui.cli.output import FAILED, USAGE, complain

    try:
        if _asks_for_app(words):
            return _open_app(words[0] if words else ".")
        from whaletui.cli.parser import COMMANDS, build_parser, run_command

        if not words[0].startswith("-") and words[0] not in COMMANDS:
            raise_usage = nearest(words[0], COMMANDS) or "whaletui --help lists the commands"
            complain(WhaleError(f"there is no command or folder {words[0]!r}", raise_usage))
            return USAGE
        return run_command(build_parser().parse_args(words))
    except WhaleError as error:
        complain(error)
        return FAILED
    except PermissionError as error:
        complain(WhaleError(f"{error.filename} may not be read or written", "see who owns it: ls -ld"))
        return FAILED
    except BrokenPipeError:  # the reader of our output left, as in `whaletui ls | head`
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        return 130


def _asks_for_app(words: list[str]) -> bool:
    """Whether the words are nothing, or a folder that exists."""
    from whaletui.cli.parser import COMMANDS

    return not words or (len(words) == 1 and words[0] not in COMMANDS and Path(words[0]).is_dir())


def _open_app(folder: str) -> int:
    import gc

    gc.set_threshold(30_000, 20, 100)  # what a start makes stays: no garbage is among it
    from whaletui.app import run_app
    from whaletui.workspace import Workspace

    return run_app(Workspace(folder))


if __name__ == "__main__":
    sys.exit(main())
