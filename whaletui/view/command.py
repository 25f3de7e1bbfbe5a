"""The command that makes a run again: a preset that is near, and `--set` for what differs. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from engine.contract.fields import Plain, differences, field_of, kind_of
from engine.contract.spec import RunSpec
from whaletui.presets import Preset
from whaletui.view import formats


def run_command(spec: RunSpec, presets: Sequence[Preset], data_folder: str) -> str:
    """Return one line for a shell, from any preset by the fewest settings.

    Args:
        spec: of the run.
        presets: what `whaletui run` knows by name; at least one.
        data_folder: the workspace's own, which need not be said.
    """
    near = min(presets, key=lambda preset: len(_settings(spec, preset, data_folder)))
    words = ["whaletui", "run", near.name]
    for path, value in _settings(spec, near, data_folder).items():
        text = formats.plain(value) if not isinstance(value, float) else repr(value)
        words += ["--set", f"{path}=" + text.replace(",", "\\,")]
    if spec.name != near.spec.name:
        words += [f"--name={spec.name}"]
    return shlex.join(words)


def _settings(spec: RunSpec, preset: Preset, data_folder: str) -> dict[str, Plain]:
    kind = kind_of(spec.to_values())
    found = {
        path: ours
        for path, (ours, _) in differences(spec, preset.spec).items()
        if path != "name" and field_of(path).belongs(kind)
    }
    if found.get("data.folder") == data_folder:
        del found["data.folder"]
    return found
