"""`presets` and `spec show`: what can be run."""

from __future__ import annotations

from argparse import Namespace

from whaletui.cli.output import DONE, as_json, say, table
from whaletui.presets import presets as all_presets
from whaletui.presets import read_spec


def presets(options: Namespace) -> int:
    """List the presets."""
    found = all_presets()
    if options.json:
        as_json([{"name": entry.name, "about": entry.about} for entry in found])
    else:
        table(["preset", "about"], [[entry.name, entry.about] for entry in found])
    return DONE


def spec(options: Namespace) -> int:
    """Show a spec with every field; a vote as it is written, since its members are presets of their own."""
    found = {entry.name: entry for entry in all_presets()}.get(options.spec)
    if found is not None and found.members and not options.json:
        for line in found.text.splitlines():
            say(line)
        return DONE
    shown = read_spec(options.spec)
    if options.json:
        as_json(shown)
    else:
        for line in shown.to_toml().splitlines():
            say(line)
    return DONE
