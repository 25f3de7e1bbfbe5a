"""Whole runs of metric learning: what they leave behind, that they come out the same again, and that they complain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from drawn_photos import drawn, write_table
from test_run import ended, prepared, told

from engine.contract.events import Epoch, Evaluated, Failed, Finished, Saved, Warned
from engine.contract.newness import read_new_whale
from engine.contract.predictions import read_predictions
from engine.contract.ranking import score, top_five
from engine.contract.rundir import RunDir
from engine.contract.summary import read_summary

WHALES, PHOTOS_EACH, NEW = 16, 3, 40
SMALL = {"data.folds": 2, "data.new_share": 0.4, "training.epochs": 1, "training.batch": 18, "training.ema": 0.0}
KINDS: dict[str, dict[str, Any]] = {
    "talk": {
        "method.kind": "triplet", "method.mining": "random", "method.same_photo": True, "method.normalise": False,
        "method.new_whale_class": True, "prediction.answer": "talk-knn",
    },
    "triplet": {"method.kind": "triplet", "method.whales": 6, "method.mirrored": True, "method.width": 16},
    "supcon": {"method.kind": "supcon", "method.whales": 8, "method.neck": True, "method.width": 16},
    "arcface": {"method.kind": "arcface", "method.mirrored": True, "method.centres": 2, "prediction.calibrate": True},
    "classifier": {"prediction.answer": "blend"},
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of sixteen whales with three photos each, forty new whales, and four photos to answer."""
    folder = tmp_path_factory.mktemp("whales")
    rows = [(f"w{whale:02}-{number}.png", f"w_{whale:02}") for whale in range(WHALES) for number in range(PHOTOS_EACH)]
    rows += [(f"n{number:02}.png", "new_whale") for number in range(NEW)]
    tests = [(f"t{number}.png", "new_whale w_00 w_01 w_02 w_03") for number in range(4)]
    for part, listed in (("train", rows), ("test", tests)):
        (folder / part).mkdir()
        for seed, (name, _) in enumerate(listed):
            cv2.imwrite(str(folder / part / name), drawn(seed + (1000 if part == "test" else 0)))
    write_table(folder / "train.csv", rows)
    write_table(folder / "sample_submission.csv", tests)
    return folder


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def done(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> RunDir:
    run_dir = prepared(folder, data, **SMALL | changes)
    code, final = ended(run_dir, monkeypatch)
    assert isinstance(final, Finished), final
    assert code == 0
    return run_dir


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_leaves_scores_and_embeddings(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    run_dir = done(tmp_path / kind, photos, monkeypatch, **KINDS[kind])
    valid, test = (read_predictions(run_dir.predictions, part) for part in ("valid", "test"))
    assert test.scores.shape == (4, WHALES + 1)
    assert not np.isnan(valid.scores).any()
    figures = score(top_five(valid.scores), valid.truth_numbers(), valid.classes.new_class)
    summary = read_summary(run_dir)
    assert summary is not None
    assert summary.score.map5 == pytest.approx(figures.map5)
    for part, rows in (("gallery", summary.train_photos), ("valid", len(valid.photos)), ("test", 4)):
        saved = np.load(run_dir.embeddings / f"{part}.npy", mmap_mode="r")
        assert saved.shape[0] == rows
        assert saved.dtype == np.float16
    mirrored = (run_dir.embeddings / "gallery-mirrored.npy").exists()
    assert mirrored == bool(KINDS[kind].get("method.mirrored"))
    told_of = {event.path for event in told(run_dir) if isinstance(event, Saved)}
    assert {"embeddings/gallery.npy", "embeddings/test.npy", "predictions/test.npy"} <= told_of
    assert all(np.isfinite(event.loss) for event in told(run_dir) if isinstance(event, Epoch))
    losses = [event.loss for event in told(run_dir) if isinstance(event, Evaluated)]
    assert np.isnan(losses).tolist() == [KINDS[kind].get("prediction.answer") == "talk-knn"] * len(losses)


def test_a_calibrated_run_stores_its_sweep_and_honest_figures(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = done(tmp_path / "run", photos, monkeypatch, **KINDS["arcface"], **{"prediction.new_share": 0.2})
    stored, summary = read_new_whale(run_dir), read_summary(run_dir)
    assert stored is not None
    assert summary is not None
    assert stored.after == summary.score
    assert stored.stated_share == 0.2
    assert stored.fitted_share == pytest.approx(summary.score.new_photos / summary.score.photos)
    assert {point.offset for point in stored.sweep} >= {-8.0, 0.0, 8.0}
    chances = np.exp(read_predictions(run_dir.predictions, "test").scores.astype(np.float64))
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=0.02)


def test_the_same_seed_gives_the_same_embeddings_and_scores(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, same, other = (
        done(tmp_path / name, photos, monkeypatch, seed=seed, **KINDS["triplet"])
        for name, seed in (("first", 0), ("same", 0), ("other", 1))
    )
    for table in ("embeddings/gallery.npy", "embeddings/valid-mirrored.npy", "predictions/test.npy"):
        expected = np.load(first.path / table)
        assert np.array_equal(expected, np.load(same.path / table))
        assert not np.array_equal(expected, np.load(other.path / table))


def test_too_few_photos_to_calibrate_are_told_and_the_scores_stay(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = prepared(tmp_path / "run", tiny_data, **{"prediction.calibrate": True, "training.epochs": 2})
    assert ended(run_dir, monkeypatch)[0] == 0
    warnings = [event.message for event in told(run_dir) if isinstance(event, Warned)]
    assert len([message for message in warnings if "too few validation photos" in message]) == 1
    assert read_new_whale(run_dir) is None


def test_a_collapsed_embedding_is_told_in_the_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Decay that takes all of every weight at each step: soon nothing of a photo reaches its embedding.
    torn = {"optimiser.kind": "sgd", "optimiser.learning_rate": 1.0, "optimiser.weight_decay": 1.0}
    torn |= {"optimiser.schedule": "constant", "optimiser.momentum": 0.0, "training.epochs": 3}
    run_dir = done(tmp_path / "run", photos, monkeypatch, **KINDS["triplet"], **torn)
    warnings = [event.message for event in told(run_dir) if isinstance(event, Warned)]
    assert len([message for message in warnings if "the embedding has collapsed" in message]) == 1


@pytest.mark.parametrize("kind", ["talk", "arcface"])
def test_a_run_whose_embeddings_are_no_numbers_says_so_and_ends(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    torn = {"optimiser.kind": "sgd", "optimiser.learning_rate": 10.0, "optimiser.momentum": 0.99}
    monkeypatch.setattr("engine.models.heads.TripletHead.loss", _nothing)
    monkeypatch.setattr("engine.models.heads.ArcFaceHead.loss", _nothing)
    run_dir = done(tmp_path / "run", photos, monkeypatch, **KINDS[kind], **torn)
    warnings = " ".join(event.message for event in told(run_dir) if isinstance(event, Warned))
    assert "the embeddings are no numbers" in warnings
    assert "the loss is nan" in warnings


def _nothing(head: torch.nn.Module, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Stand in for a loss that has diverged."""
    return head.raw(features).sum() * torch.nan  # type: ignore[operator]


def test_fewer_whales_than_a_batch_wants_fail_with_the_field_named(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"method.kind": "triplet", "method.whales": 40, "training.batch": 80}
    code, final = ended(prepared(tmp_path / "run", tiny_data, **wanted), monkeypatch)
    assert code == 1
    assert isinstance(final, Failed)
    assert final.reason == "data"
    assert "method.whales is 40" in final.message
