"""The figures of one run as lines of text: progress, speed, scores against both baselines. Pure."""

from __future__ import annotations

from textual.content import Content

from whaletui.records.model import RunRecord, State
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.explain import why
from whaletui.view.runview import RunView


def progress_line(record: RunRecord, view: RunView, width: int) -> Content:
    """Return a bar over the whole run with what it does now; of one that does nothing, why."""
    if record.state is not State.RUNNING:
        return Content.styled(why(record), "$text-error" if record.state in (State.FAILED, State.LOST) else "")
    training = bool(view.step) and view.phase.startswith("train")
    if training and view.epochs:
        share, told = view.epoch / view.epochs, f"epoch {view.epoch:.1f} of {view.epochs}"
    elif view.phase_total:
        share, told = view.phase_done / view.phase_total, f"{view.phase} {view.phase_done:,} of {view.phase_total:,}"
    else:
        return Content(safe(view.phase or "starting"))
    left = f"   {formats.span(view.eta_seconds)} left" if training and view.eta_seconds else ""
    words = f" {share:>4.0%}   {safe(told)}{left}"
    bar = formats.bar(share, max(min(width - len(words), 60), 4))
    return Content.assemble((bar, "$primary on $panel"), words)


def fact_lines(record: RunRecord, view: RunView) -> Content:
    """Return two lines of figures: the score against the baselines, then the training."""
    return Content("\n").join([_joined(_score_facts(record, view)), _joined(_training_facts(record, view))])


def _score_facts(record: RunRecord, view: RunView) -> list[tuple[str, str]]:
    if view.mean_iou is not None:  # a detector
        return [
            ("mean IoU", formats.score(view.mean_iou)),
            ("mAP50", formats.score(view.map50)),
            ("missed", view.missed),
        ]
    map5 = record.map5 if view.map5 is None else view.map5
    low, high = (record.map5_low, record.map5_high) if view.map5_low is None else (view.map5_low, view.map5_high)
    known = record.map5_known if view.map5_known is None else view.map5_known
    new = record.map5_new if view.map5_new is None else view.map5_new
    return [
        ("MAP@5", f"{formats.score(map5)} {formats.interval(low, high)}".strip()),
        ("best", formats.score(view.best_map5)),
        ("over constant", formats.delta(map5, record.baseline_constant)),
        ("over duplicates", formats.delta(map5, record.baseline_duplicates)),
        ("known", formats.score(known)),
        ("new", formats.score(new)),
    ]


def _training_facts(record: RunRecord, view: RunView) -> list[tuple[str, str]]:
    return [
        ("step", f"{view.step:,}" if view.step else ""),
        ("loss", formats.loss(record.loss if view.loss is None else view.loss)),
        ("valid", formats.loss(view.valid_loss)),
        ("rate", f"{view.learning_rate:.2g}" if view.learning_rate is not None else ""),
        ("", formats.rate(view.images_per_second)),
        ("on", " ".join(part for part in (record.slot, view.device, view.precision) if part)),
        ("took", formats.span(record.seconds) if not record.state.is_active else ""),
    ]


def _joined(facts: list[tuple[str, str]]) -> Content:
    parts = [
        Content.assemble((f"{name} " if name else "", "$foreground-muted"), (safe(value, 80), "bold"))
        for name, value in facts
        if value
    ]
    return Content("   ").join(parts)
