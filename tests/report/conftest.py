"""Writes experiments as the runner leaves them on disk, without training anything."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KEEP = 0.6
CONTROLS = {"reinitialised": -0.018, "rearranged_mask": -0.011, "random_ticket": -0.025}
LENET = {"net.fc1.weight": 19200, "net.fc2.weight": 30000, "net.fc3.weight": 1000}


def layers(density: float, sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """The first layers are pruned harder, so that they are the first to collapse."""
    strength = np.linspace(1.5, 0.9, len(sizes))
    return {name: [int(size * density**s), size] for (name, size), s in zip(sizes.items(), strength, strict=True)}


def write_training(
    folder: Path,
    *,
    arm: str,
    seed: int,
    round: int,
    accuracy: float,
    sizes: Mapping[str, int] = LENET,
    epochs: int = 12,
    where: str | None = None,
    **extra: Any,
) -> None:
    """One training's folder and its row in results.jsonl."""
    density = KEEP**round
    total = sum(sizes.values())
    place = where or (f"seed-{seed}/" + ("" if arm in ("dense", "ticket") else f"{arm}/") + f"round-{round:02}")
    (folder / place).mkdir(parents=True, exist_ok=True)
    first = 2 if round else 1
    with (folder / place / "metrics.jsonl").open("w") as stream:
        for epoch in range(first, epochs + 1):
            learned = 1 - np.exp(-epoch / 2)
            row = {
                "epoch": epoch,
                "step": 11 * epoch,
                "lr": 0.1,
                "train_loss": 2.3 * float(np.exp(-epoch / 2.2)) + 0.02 * (round + 1),
                "train_accuracy": 0.1 + 0.9 * learned,
                "val_loss": 0.2,
                "val_accuracy": 0.1 + (accuracy - 0.1) * learned,
            }
            stream.write(json.dumps(row) + "\n")
    (folder / place / "timing.json").write_text(json.dumps({"seconds": 12.5 + round}))
    row = {
        "schema": 1,
        "experiment": "IterativePruning",
        "arm": arm,
        "seed": seed,
        "round": round,
        "density_asked": density,
        "density": round_to_weights(density, total),
        "weights_kept": int(density * total),
        "weights": total,
        "epochs": epochs,
        "steps": 11 * epochs,
        "val_accuracy": accuracy,
        "val_accuracy_best": accuracy + 0.002,
        "val_loss": 0.2,
        "train_accuracy": 1.0,
        "train_loss": 0.01,
        "test_accuracy": accuracy - 0.004,
        "test_loss": 0.22,
        "precision": "32-true",
        "layers": layers(density, sizes),
        "folder": place,
        "versions": {"python": "3.11.9", "torch": "2.11.0", "lightning": "2.6.6"},
        "commit": "71b23b0",
    }
    with (folder / "results.jsonl").open("a") as stream:
        stream.write(json.dumps(row | extra) + "\n")


def round_to_weights(density: float, total: int) -> float:
    return round(density * total) / total


def write_experiment(
    folder: Path,
    *,
    arms: Sequence[str] = ("dense", "ticket", *CONTROLS),
    seeds: int = 3,
    rounds: int = 8,
    noise: float = 0.0015,
    sizes: Mapping[str, int] = LENET,
    epochs: int = 12,
) -> Path:
    """Tickets hold the dense accuracy down to about 13 % of the weights and then fall; controls fall earlier."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text("experiment:\n  class_path: IterativePruning\n  init_args: {keep: 0.6}\n")
    draw = np.random.default_rng(0)
    for seed in range(seeds):
        luck = draw.normal(0, noise)
        for round in range(rounds + 1):
            fall = 0.0008 * np.exp(np.clip(round - 2.5, 0, 8) * 0.75) * (round > 0)
            for arm in arms:
                if (arm == "dense") != (round == 0):
                    continue
                control = CONTROLS.get(arm, 0.0) * round / 3
                accuracy = 0.972 + luck - fall + control + draw.normal(0, noise)
                write_training(
                    folder, arm=arm, seed=seed, round=round, accuracy=float(accuracy), sizes=sizes, epochs=epochs
                )
    return folder


@pytest.fixture(scope="session", name="write_training")
def training_writer() -> Callable[..., None]:
    return write_training


@pytest.fixture(scope="session", name="write_experiment")
def experiment_writer() -> Callable[..., Path]:
    return write_experiment
