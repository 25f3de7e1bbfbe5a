"""Train one identification run, told by a run folder; knows nothing of terminals or databases."""
