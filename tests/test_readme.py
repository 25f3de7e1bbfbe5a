"""The README's first two blocks: one line each, from a machine with Python and pip alone, and what CI runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```[a-z]*\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("number", "ends"), [(0, "uv run whaletui demo"), (1, "uv run pytest")])
def test_a_block_is_one_line_that_brings_its_own_uv(number, ends):
    lines = BLOCKS[number].strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("python3 -m pip install")
    assert lines[0].endswith(ends)


def test_every_command_the_readme_shows_is_understood():
    from whaletui.cli.parser import build_parser

    shown = [line.split("  #")[0] for block in BLOCKS for line in block.splitlines() if line.startswith("whaletui ")]
    assert len(shown) > 10
    parser = build_parser()
    for line in shown:
        words = line.split()[1:]
        if words and not words[0].startswith("["):
            parser.parse_args(words)
