"""The words of the command line: commands, arguments and their help. Nothing is done here."""

from __future__ import annotations

import argparse
from importlib import import_module

from whaletui import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "draw a small fluke data set, train three runs on it, ensemble them, export"),
    "init": ("workspace", "make this folder a workspace on Kaggle-shaped data"),
    "doctor": ("doctor", "find what is wrong with GPUs, disk, data, database, versions"),
    "rebuild": ("workspace", "make the database again from runs/ alone"),
    "presets": ("specs", "list the specs that ship with whaletui"),
    "spec": ("specs", "show a preset or a TOML file as the full spec it stands for"),
    "run": ("launch", "queue runs"),
    "clone": ("launch", "queue a run again, with changes"),
    "ls": ("listing", "list runs"),
    "show": ("listing", "show everything about a run"),
    "logs": ("listing", "print a run's log"),
    "compare": ("compare", "what differs between runs, and what it brought"),
    "curves": ("curves", "draw the curves of runs"),
    "cancel": ("changes", "stop runs; a second time: at once"),
    "note": ("changes", "write a note on a run"),
    "tag": ("changes", "tag a run; -TAG takes a tag off"),
    "star": ("changes", "star a run, or take the star off"),
    "score": ("changes", "note what the leaderboard said of a submission"),
    "delete": ("changes", "delete runs and free their disk"),
    "ensemble": ("answers", "soft vote of finished runs"),
    "export": ("answers", "write the submission of one run"),
    "queue": ("processes", "what waits, and why"),
    "gpus": ("processes", "GPUs or CPU slots, and who holds them"),
    "keeper": ("processes", "the process that starts queued runs"),
}
"""Command -> (module of whaletui.cli, one line of help)."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog="whaletui",
        description="Train, compare and blend identification models from one terminal.",
        epilog="whaletui [DIR] without a command opens the app.",
    )
    _workspace_argument(parser, default=".")
    parser.add_argument("--version", action="version", version=f"whaletui {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, about) in COMMANDS.items():
        commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    for command in commands.choices.values():  # -w may stand before the command or after it
        _workspace_argument(command, default=argparse.SUPPRESS)
    _fill(commands.choices)
    return parser


def _workspace_argument(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "-w", "--workspace", metavar="DIR", default=default, help="the workspace (default: this folder)"
    )


def _fill(parsers: dict[str, argparse.ArgumentParser]) -> None:
    _workspace_arguments(parsers)
    _launch_arguments(parsers)
    _run_arguments(parsers)
    _answer_arguments(parsers)
    for name in ("presets", "spec", "ls", "show", "compare", "curves", "ensemble", "queue", "gpus", "doctor", "demo"):
        parsers[name].add_argument("--json", action="store_true", help="print JSON")


def _workspace_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    demo = parsers["demo"]
    demo.add_argument(
        "folder", metavar="DIR", nargs="?", default="whaletui-demo", help="where (default: whaletui-demo)"
    )
    demo.add_argument("--headless", action="store_true", help="without the app: wait, export and print a table")
    init = parsers["init"]
    init.add_argument(
        "--data", metavar="DIR", required=True, help="holds train.csv, train/, test/, sample_submission.csv"
    )
    spec = parsers["spec"]
    spec.add_argument("action", choices=["show"])
    spec.add_argument("spec", metavar="SPEC", help="a preset's name or a TOML file")
    keeper = parsers["keeper"]
    keeper.add_argument("--stop", action="store_true", help="stop it; runs go on, nothing new is started")


def _launch_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    parsers["run"].add_argument("specs", metavar="SPEC", nargs="+", help="a preset's name or a TOML file")
    parsers["clone"].add_argument("run", metavar="RUN", help="id or name")
    for name in ("run", "clone"):
        parser = parsers[name]
        parser.add_argument(
            "--set", metavar="a.b=c", action="append", default=[], dest="settings",
            help="change a field; several values with commas, and several such lists, make a grid",
        )  # fmt: skip
        parser.add_argument("--name", help="the name shown in tables")
        parser.add_argument("--wait", action="store_true", help="wait until they ended; exit 1 unless all finished")


def _run_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    listing = parsers["ls"]
    listing.add_argument(
        "--filter", metavar="Q", default="", help="such as: map5>0.5 backbone:resnet* not state:failed"
    )
    listing.add_argument("--sort", metavar="COL", default="id", help="a column (default: id, newest first)")
    listing.add_argument("-r", "--reverse", action="store_true", help="the other way round")
    listing.add_argument("--limit", type=int, default=500, help="at most so many rows (default: 500)")
    parsers["logs"].add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    parsers["cancel"].add_argument("--now", action="store_true", help="at once, without a checkpoint")
    parsers["delete"].add_argument("--yes", action="store_true", help="do not ask")
    for name in ("show", "logs", "note", "tag", "star"):
        parsers[name].add_argument("run", metavar="RUN", help="id or name")
    for name in ("compare", "curves", "cancel", "delete"):
        parsers[name].add_argument("runs", metavar="RUN", nargs="+", help="id or name")
    curves = parsers["curves"]
    curves.add_argument("--x", choices=["epoch", "step", "time"], default="epoch", help="along what (default: epoch)")
    curves.add_argument("--metric", metavar="NAME", action="append", help="such as valid_loss; may be given again")
    curves.add_argument("--log", action="store_true", help="on a logarithmic axis")
    curves.add_argument("--smooth", metavar="W", type=float, default=0.0, help="weight of what came before, 0 to 0.999")
    parsers["note"].add_argument("text", metavar="TEXT", help="the note; empty takes it away")
    parsers["tag"].add_argument("tags", metavar="TAG", nargs=argparse.REMAINDER, help="a word; -word takes it off")


def _answer_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    ensemble = parsers["ensemble"]
    ensemble.add_argument("runs", metavar="RUN", nargs="+", help="id or name of a finished run")
    ensemble.add_argument("--weights", metavar="W", type=float, nargs="+", help="one a run; only ratios matter")
    ensemble.add_argument(
        "--blend",
        choices=["logits", "probabilities"],
        default="logits",
        help="mean of what (default: logits, as in the talk)",
    )
    ensemble.add_argument("--export", metavar="FILE", help="write the checked submission")
    export = parsers["export"]
    export.add_argument("run", metavar="RUN", help="id or name of a finished run")
    export.add_argument("file", metavar="FILE", help="the CSV file to write")
    score = parsers["score"]
    score.add_argument(
        "submission", metavar="SUBMISSION", help="its id or file, as `whaletui score` without one lists", nargs="?"
    )
    score.add_argument("--public", type=float, help="public leaderboard score")
    score.add_argument("--private", type=float, help="private leaderboard score")


def run_command(options: argparse.Namespace) -> int:
    """Call the command that was parsed; returns the exit code."""
    module = import_module(f"whaletui.cli.{COMMANDS[options.command][0]}")
    code: int = getattr(module, options.command)(options)
    return code
