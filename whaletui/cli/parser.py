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
    "crop": ("crop", "boxes around flukes: train a detector on them, apply it to all photos"),
    "data": ("data", "what the photos are like: ids, sizes, grey ones, duplicates, boxes"),
    "cancel": ("changes", "stop runs; a second time: at once"),
    "resume": ("changes", "go on with lost, failed or cancelled runs from their checkpoints"),
    "note": ("changes", "write a note on a run"),
    "tag": ("changes", "tag a run; -TAG takes a tag off"),
    "star": ("changes", "star a run, or take the star off"),
    "score": ("scores", "note what the leaderboard said of a submission"),
    "delete": ("changes", "delete runs and free their disk"),
    "ensemble": ("answers", "blend finished runs, search the best blend, write its submission"),
    "export": ("answers", "write the submission of one run"),
    "queue": ("processes", "what waits, and why; hold runs back, let them go, move them up"),
    "gpus": ("processes", "GPUs or CPU slots, and who holds them"),
    "serve": ("serve", "the app in a browser, on this machine only"),
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
    _crop_arguments(parsers)
    for name in (
        "presets", "spec", "ls", "show", "compare", "curves", "ensemble", "queue", "gpus", "doctor", "demo", "data",
        "score",
    ):  # fmt: skip
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
    serve = parsers["serve"]
    serve.add_argument("--port", type=int, default=8000, help="where to listen on 127.0.0.1 (default: 8000)")
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
    for name in ("compare", "curves", "cancel", "resume", "delete"):
        parsers[name].add_argument("runs", metavar="RUN", nargs="+", help="id or name")
    queue = parsers["queue"]
    queue.add_argument("action", choices=["hold", "release", "up", "next"], nargs="?", help="what to do with the runs")
    queue.add_argument("runs", metavar="RUN", nargs="*", help="id or name of a queued run")
    curves = parsers["curves"]
    curves.add_argument("--x", choices=["epoch", "step", "time"], default="epoch", help="along what (default: epoch)")
    curves.add_argument("--metric", metavar="NAME", action="append", help="such as valid_loss; may be given again")
    curves.add_argument("--log", action="store_true", help="on a logarithmic axis")
    curves.add_argument("--smooth", metavar="W", type=float, default=0.0, help="weight of what came before, 0 to 0.999")
    parsers["note"].add_argument("text", metavar="TEXT", help="the note; empty takes it away")
    parsers["tag"].add_argument("tags", metavar="TAG", nargs=argparse.REMAINDER, help="a word; -word takes it off")


def _answer_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    ensemble = parsers["ensemble"]
    ensemble.add_argument(
        "runs", metavar="RUN", nargs="*", help="id or name of a finished run or of an ensemble (e3); 7+8 joins folds"
    )
    ensemble.add_argument("--weights", metavar="W", type=float, nargs="+", help="one a member; only ratios matter")
    ensemble.add_argument(
        "--blend", choices=["logits", "probabilities", "geometric", "ranks"],
        help="mean of what (default: logits, as in the talk)",
    )  # fmt: skip
    ensemble.add_argument("--select", choices=["greedy", "weights"], help="search members and weights among these runs")
    ensemble.add_argument("--diversity", action="store_true", help="agreement, shared errors, oracle at 5")
    ensemble.add_argument("--name", help="write the ensemble down under this name")
    ensemble.add_argument("--tag", metavar="TAG", action="append", default=[], help="tag it; --tag=-TAG takes one off")
    ensemble.add_argument("--note", metavar="TEXT", help="write a note on it")
    ensemble.add_argument("--export", metavar="FILE", nargs="?", const="", help="write the checked submission")
    ensemble.add_argument(
        "--duplicates", action="store_true", help="test photos that copy a training photo take its label (a leak)"
    )
    ensemble.add_argument("--pseudo-labels", metavar="FILE", help="write confident answers as a table for data.extra")
    ensemble.add_argument(
        "--confidence", type=float, default=0.9, help="probability from which an answer is confident (default: 0.9)"
    )
    ensemble.add_argument(
        "--kaggle", metavar="COMPETITION", nargs="?", const="", help="send it with the kaggle client, fetch its score"
    )
    ensemble.add_argument("--list", action="store_true", help="list the ensembles that were written down")
    ensemble.add_argument("--compare", action="store_true", help="list the named ones side by side")
    ensemble.add_argument("--rebuild", action="store_true", help="make those again whose members were trained again")
    ensemble.add_argument("--delete", action="store_true", help="delete the named ensembles")
    export = parsers["export"]
    export.add_argument("run", metavar="RUN", help="id or name of a finished run")
    export.add_argument("file", metavar="FILE", help="the CSV file to write")
    score = parsers["score"]
    score.add_argument(
        "submission", metavar="SUBMISSION", help="its id or file, as `whaletui score` without one lists", nargs="?"
    )
    score.add_argument("--public", type=float, help="public leaderboard score")
    score.add_argument("--private", type=float, help="private leaderboard score")
    score.add_argument(
        "--kaggle", metavar="COMPETITION", nargs="?", const="", help="send it with the kaggle client, fetch its score"
    )


def _crop_arguments(parsers: dict[str, argparse.ArgumentParser]) -> None:
    actions = parsers["crop"].add_subparsers(dest="action", metavar="ACTION", required=True)
    fit = actions.add_parser("fit", help="queue the training of a detector")
    fit.add_argument("--holdout", metavar="BOXES", help="boxes to measure on (default: every tenth of the others)")
    fit.add_argument("--set", metavar="a.b=c", action="append", default=[], dest="settings", help="change a field")
    fit.add_argument("--name", help="the name shown in tables")
    fit.add_argument("--wait", action="store_true", help="wait until it ended; exit 1 unless it finished")
    apply = actions.add_parser("apply", help="write one box for each photo of training and test")
    apply.add_argument("run", metavar="RUN", help="id or name of a detector's run")
    apply.add_argument("--threshold", metavar="T", type=float, help="photos with a less certain box stay whole")
    apply.add_argument("--to", metavar="FILE", help="the table (default: boxes.tsv in the run's folder)")
    check = actions.add_parser("check", help="read boxes and hold them against their photos")
    convert = actions.add_parser("convert", help="write boxes in another form")
    for parser in (fit, check, convert):
        parser.add_argument("boxes", metavar="BOXES", help="a table with fn,bbox or fn,x0,y0,x1,y1, or YOLO's folder")
        parser.add_argument("--sort-corners", action="store_true", help="put boxes with swapped edges right")
    convert.add_argument("to", metavar="TO", help="a .csv or .tsv file, or a folder for yolo")
    convert.add_argument("--form", choices=["talk", "corners", "yolo"], default="talk", help="(default: talk)")
    for parser in (apply, check):
        parser.add_argument("--json", action="store_true", help="print JSON")
    for parser in (fit, apply, check, convert):
        _workspace_argument(parser, default=argparse.SUPPRESS)
    data = parsers["data"]
    data.add_argument("--boxes", metavar="BOXES", help="a table of boxes, or a detector's run, to be looked at as well")
    data.add_argument("--preview", metavar="SPEC", help="instead: draw a training photo as this spec would augment it")
    data.add_argument("--out", metavar="FILE", help="the picture to write (default: SPEC.png)")
    data.add_argument("--photo", metavar="PHOTO", help="which training photo (default: the first)")
    data.add_argument(
        "--set", metavar="a.b=c", action="append", default=[], dest="settings", help="change a field of SPEC"
    )


def run_command(options: argparse.Namespace) -> int:
    """Call the command that was parsed; returns the exit code."""
    module = import_module(f"whaletui.cli.{COMMANDS[options.command][0]}")
    code: int = getattr(module, options.command)(options)
    return code
