"""What a run remembers of its surroundings: the commit of a checkout in each of git's shapes, the digest of sources."""

from __future__ import annotations

from pathlib import Path

from engine.contract.spec import TrainingSpec
from engine.environment import describe_environment, git_commit, source_digest
from engine.models.device import choose_device

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_a_branch_is_followed_to_its_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) == ""
    write(tmp_path / ".git" / "HEAD", "ref: refs/heads/main")
    assert git_commit(tmp_path) == ""  # no commit yet
    write(tmp_path / ".git" / "packed-refs", f"# pack-refs\n{'f' * 40} refs/heads/other\n{COMMIT} refs/heads/main")
    assert git_commit(tmp_path) == COMMIT
    write(tmp_path / ".git" / "refs" / "heads" / "main", "a" * 40)  # newer than the packed one
    assert git_commit(tmp_path) == "a" * 40
    write(tmp_path / ".git" / "HEAD", COMMIT)  # detached
    assert git_commit(tmp_path) == COMMIT


def test_a_worktree_finds_its_branch_in_the_common_folder(tmp_path: Path) -> None:
    own = tmp_path / "first" / ".git" / "worktrees" / "second"
    write(tmp_path / "first" / ".git" / "refs" / "heads" / "topic", COMMIT)
    write(own / "HEAD", "ref: refs/heads/topic")
    write(own / "commondir", "../..")
    write(tmp_path / "second" / ".git", f"gitdir: {own}")
    assert git_commit(tmp_path / "second") == COMMIT


def test_the_digest_of_the_sources_sees_every_change(tmp_path: Path) -> None:
    write(tmp_path / "a.py", "x = 1")
    first = source_digest(tmp_path)
    write(tmp_path / "a.py", "x = 2")
    second = source_digest(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, source_digest(tmp_path)}) == 3


def test_the_environment_names_device_and_versions() -> None:
    environment = describe_environment(choose_device(TrainingSpec(device="cpu", precision="float32")))
    assert environment.device.startswith("CPU")
    assert {"torch", "timm", "albumentations", "numpy"} <= set(environment.packages)
    assert environment.driver == ""
