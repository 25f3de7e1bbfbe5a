"""Slots and who gets them: GPUs by UUID, other people's processes, the queue's order, and the reasons for waiting."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from engine.contract.errors import WhaleError
from engine.contract.spec import RunSpec
from whaletui.jobs.detach import environment
from whaletui.jobs.gpus import GpuProcess, Slot, explain_no_gpu, probe, user_of
from whaletui.jobs.local import engine_environment
from whaletui.jobs.placing import plan
from whaletui.records.model import RunRecord

GIB = 1 << 30
FREE0 = Slot(id="GPU-a", label="GPU0", name="H200", memory_total=141 * GIB, memory_used=3 << 20)
FREE1 = msgspec.structs.replace(FREE0, id="GPU-b", label="GPU1")
ALICE = GpuProcess(pid=812, user="alice", name="python", memory=38 * GIB)
HELD1 = msgspec.structs.replace(FREE1, memory_used=38 * GIB, processes=(ALICE,))
CPU = Slot(id="cpu-0", label="CPU0", name="CPU", memory_total=64 * GIB, memory_used=60 * GIB)


def queued(run_id: int, device: str = "auto") -> RunRecord:
    spec = RunSpec.of({}).with_values({"training.device": device})
    return RunRecord.of_spec(spec, id=run_id, uuid=str(run_id), folder="", created_at=0.0)


def placed(runs: list[RunRecord], slots: list[Slot], leased: dict[str, int] | None = None) -> tuple[object, object]:
    made = plan(runs, slots, leased or {})
    return {run.id: slot.label for run, slot in made.starts}, made.reasons


def test_free_gpus_are_dealt_in_the_order_of_the_queue() -> None:
    runs = [queued(number) for number in (41, 42, 43, 44)]
    assert placed(runs, [FREE0, FREE1, CPU]) == (
        {41: "GPU0", 42: "GPU1"}, {43: "no GPU slot free: run 41 on GPU0; run 42 on GPU1", 44: "behind run 43"},
    )  # fmt: skip


def test_other_peoples_gpus_are_left_to_them() -> None:
    assert placed([queued(7)], [HELD1]) == ({}, {7: "GPU1 held by alice, pid 812, 38 GiB"})
    assert placed([queued(7)], [FREE0, HELD1], {"GPU-a": 5}) == (
        {}, {7: "no GPU slot free: GPU1 held by alice, pid 812, 38 GiB; run 5 on GPU0"},
    )  # fmt: skip
    unseen = msgspec.structs.replace(FREE0, memory_used=20 * GIB)
    assert "held by somebody who cannot be seen from here, 20 GiB" in str(placed([queued(7)], [unseen])[1])
    monitor = msgspec.structs.replace(FREE0, processes=(msgspec.structs.replace(ALICE, memory=20 << 20),))
    assert placed([queued(7)], [monitor]) == ({7: "GPU0"}, {})


def test_a_run_for_the_cpu_leaves_the_gpus_and_passes_those_who_wait_for_one() -> None:
    assert placed([queued(7), queued(8, "cpu"), queued(9)], [HELD1, CPU]) == (
        {8: "CPU0"}, {7: "GPU1 held by alice, pid 812, 38 GiB", 9: "behind run 7"},
    )  # fmt: skip
    assert placed([queued(7), queued(8, "cuda")], [CPU]) == ({7: "CPU0"}, {8: "no CPU slot free: run 7 on CPU0"})
    assert placed([queued(7, "cpu")], [FREE0]) == ({}, {7: "this machine has no CPU slot"})


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "gpus.json"
    path.write_bytes(msgspec.json.encode([FREE0, HELD1]))
    monkeypatch.setenv("WHALETUI_GPUS", str(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("WHALETUI_CPU_SLOTS", raising=False)
    return path


def test_slots_are_gpus_and_cpus(gpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [slot.id for slot in probe()] == ["GPU-a", "GPU-b", "cpu-0"]
    assert probe()[1] == HELD1
    assert explain_no_gpu() == ""
    monkeypatch.setenv("WHALETUI_CPU_SLOTS", "2")
    assert [slot.label for slot in probe()] == ["GPU0", "GPU1", "CPU0", "CPU1"]
    assert not any(slot.held for slot in probe() if not slot.is_gpu)
    monkeypatch.setenv("WHALETUI_CPU_SLOTS", "many")
    with pytest.raises(WhaleError, match="takes a number"):
        probe()


@pytest.mark.parametrize(
    ("wish", "seen"), [("1", ["GPU-b"]), ("GPU-a", ["GPU-a"]), ("", []), ("0,1", ["GPU-a", "GPU-b"])]
)
def test_gpus_that_were_hidden_from_us_are_not_used(
    gpus: Path, monkeypatch: pytest.MonkeyPatch, wish: str, seen: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wish)
    assert [slot.id for slot in probe() if slot.is_gpu] == seen


def test_a_machine_without_a_driver_has_cpus_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import pynvml

    def absent() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.delenv("WHALETUI_GPUS", raising=False)
    monkeypatch.delenv("WHALETUI_CPU_SLOTS", raising=False)
    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    assert [(slot.id, slot.name) for slot in probe()] == [("cpu-0", "CPU, 2 threads"), ("cpu-1", "CPU, 2 threads")]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert [(slot.id, slot.name) for slot in probe()] == [("cpu-0", "CPU, 1 thread")]
    assert "driver does not answer" in explain_no_gpu()


def test_a_fake_that_cannot_be_read_is_named(gpus: Path) -> None:
    gpus.write_text("{")
    with pytest.raises(WhaleError, match=r"gpus\.json"):
        probe()


def test_users_are_told_by_name() -> None:
    assert user_of(os.getpid()) not in ("", None)
    assert user_of(2**22 - 1) == ""


def test_what_is_passed_on_and_what_is_not() -> None:
    seen = {"PATH": "/bin", "LC_ALL": "C", "CUDA_HOME": "/cuda", "HF_HOME": "/hub", "https_proxy": "p", "TMPDIR": "/t",
            "HF_TOKEN": "x", "KAGGLE_KEY": "x", "WHALETUI_TOKEN": "x", "AWS_PROFILE": "x", "SSH_AUTH_SOCK": "x",
            "WHALETUI_START": "x", "PYTHONPATH": "/p"}  # fmt: skip
    passed = {"PATH", "LC_ALL", "CUDA_HOME", "HF_HOME", "https_proxy", "TMPDIR", "PYTHONPATH"}
    assert set(environment(seen)) == passed | {"PYTHONSAFEPATH"}


def test_an_engine_gets_its_gpu_alone_or_the_allocator_for_a_cpu() -> None:
    on_gpu, on_cpu = engine_environment(FREE0, 4, {}), engine_environment(CPU, 2, {"OMP_NUM_THREADS": "1"})
    assert on_gpu == {"OMP_NUM_THREADS": "4", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "GPU-a"}
    assert (on_cpu["OMP_NUM_THREADS"], on_cpu["CUDA_VISIBLE_DEVICES"]) == ("1", "")
    assert int(on_cpu["MALLOC_TRIM_THRESHOLD_"]) >= 1 << 30
