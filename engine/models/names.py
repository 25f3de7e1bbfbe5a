"""Which backbones the installed libraries offer; `python -m engine.models.names` writes them down for the contract."""

from __future__ import annotations

from pathlib import Path

import timm

from engine.contract import backbones
from engine.contract.rundir import write_atomic


def installed_backbones() -> tuple[str, ...]:
    """Return the names of all classifiers of timm and pretrainedmodels, sorted, each behind its library."""
    import pretrainedmodels  # builds torchvision's models at import: only where its names are asked for

    ours = [f"timm/{name}" for name in timm.list_models()]
    ours += [f"pretrainedmodels/{name}" for name in pretrainedmodels.model_names]
    return tuple(sorted(set(ours)))


def main() -> None:
    """Write the list that lies beside `engine.contract.backbones`."""
    names = installed_backbones()
    write_atomic(Path(backbones.__file__).with_name("backbones.txt"), ("\n".join(names) + "\n").encode())
    print(f"{len(names)} backbones")


if __name__ == "__main__":
    main()
