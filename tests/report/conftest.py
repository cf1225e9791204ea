"""Writes experiments as the runner leaves them on disk, without training anything."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

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
        "epochs_in_all": epochs * (round + 1),
        "steps": 11 * epochs,
        **operations(density, 11 * epochs),
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


SIZES = {"net.fc1.weight": 19200, "net.fc2.weight": 30000, "net.fc3.weight": 1000}


def operations(density: float, steps: int) -> dict[str, float]:
    """As if all layers had this density and an epoch's batches one image each."""
    forward = {"flops_inference": 2e6 * density, "flops_inference_dense": 2e6}
    return forward | {name.replace("inference", "training"): 3 * steps * each for name, each in forward.items()}


def row(
    *, arm: str, seed: int, round: int, density: float, accuracy: float, point: Mapping[str, Any], method: str | None
) -> dict[str, Any]:
    """A row of a study; what all methods share has none."""
    place = "_".join(
        f"{axis}-{value:g}" if isinstance(value, float) else f"{axis}-{value}" for axis, value in point.items()
    )
    unit = "/".join(filter(None, [f"seed-{seed}", place, method or ""]))
    own = {"dense": "dense", "small_dense": f"small_dense/density-{density:.4g}", "ticket": f"round-{round:02}"}
    total = sum(SIZES.values())
    return {
        "study": "ma2021",
        "experiment": "IterativePruning" if method else "Study",
        **({"method": method} if method else {}),
        "point": dict(point),
        "arm": arm,
        "seed": seed,
        "round": 0 if method is None else round,
        "density_asked": density,
        "density": round_to_weights(density, total),
        "weights_kept": int(density * total),
        "weights": total,
        "epochs": 12,
        "epochs_in_all": 12 if method is None else 24,
        **operations(density, 132),
        "lr": point.get("lr", 0.1),
        "data": "CIFAR10",
        "val_accuracy": accuracy + 0.002,
        "test_accuracy": accuracy,
        "layers": layers(density, SIZES),
        "precision": "32-true",
        "folder": f"{unit}/{own.get(arm, f'{arm}/round-{round:02}')}",
        "versions": {"python": "3.11.9", "torch": "2.11.0", "lightning": "2.6.6"},
        "commit": "71b23b0",
    }


Accuracy = Callable[[str | None, Mapping[str, Any], str, float], float]


def ma2021(method: str | None, point: Mapping[str, Any], arm: str, density: float) -> float:
    """Small learning rates: tickets beat reinitialised ones, below the best dense; large ones: no difference."""
    rate = float(point.get("lr", 0.01))
    dense = {0.005: 0.896, 0.01: 0.903, 0.1: 0.923}.get(rate, 0.9 + 0.02 * rate)
    fall = 0.02 * np.log(1 / density) ** 1.4 / 3.6
    loss = {"ticket": fall * (2.6 if rate > 0.05 else 0.05), "reinitialised": fall * (2.6 if rate > 0.05 else 2.5)}
    worse = 0.35 * fall if method == "omp" and arm == "ticket" and rate < 0.05 else 0.0
    return float(dense - {"dense": 0.0, "small_dense": 3.4 * fall, **loss}[arm] - worse)


def write_study(
    folder: Path,
    *,
    methods: Sequence[str] = ("imp", "omp"),
    grid: Mapping[str, Sequence[Any]] | None = None,
    densities: Sequence[float] = (0.64, 0.4096, 0.2621, 0.1678, 0.0859),
    seeds: int = 3,
    noise: float = 0.0012,
    accuracy: Accuracy = ma2021,
    config: Mapping[str, Any] | None = None,
    controls: Sequence[str] = ("reinitialised",),
) -> Path:
    """A study's folder: configuration and a table per unit and per shared training."""
    grid = {"lr": [0.005, 0.01, 0.1]} if grid is None else grid
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {
        "name": "ma2021",
        "methods": {name: {"class_path": "IterativePruning", "init_args": {}} for name in methods},
        "grid": {f"model.optimizer.init_args.{axis}": list(values) for axis, values in grid.items()},
    }
    experiment = {"class_path": "lth_lightning.experiments.Study", "init_args": arguments}
    text = yaml.safe_dump({"experiment": experiment, "seeds": list(range(seeds)), **(config or {})}, sort_keys=False)
    (folder / "config.yaml").write_text(text)
    draw = np.random.default_rng(0)
    for seed, values in itertools.product(range(seeds), itertools.product(*grid.values())):
        point, luck = dict(zip(grid, values, strict=True)), draw.normal(0, noise)
        plan: list[tuple[str | None, str, int, float]] = [(None, "dense", 0, 1.0)]
        plan += [(None, "small_dense", r, d) for r, d in enumerate(densities, start=1)]
        for method in methods:
            plan += [(method, arm, r, d) for arm in ("ticket", *controls) for r, d in enumerate(densities, start=1)]
        for method, arm, number, density in plan:
            value = accuracy(method, point, arm, density) + luck + float(draw.normal(0, noise))
            append(
                folder,
                row(arm=arm, seed=seed, round=number, density=density, accuracy=value, point=point, method=method),
            )
    return folder


def append(folder: Path, made: Mapping[str, Any]) -> None:
    """Put a row into the table of its unit, or of its shared training."""
    parts = Path(made["folder"])
    unit = next((p for p in parts.parents if p.name == made.get("method")), parts)
    (folder / parts).mkdir(parents=True, exist_ok=True)
    (folder / parts / "timing.json").write_text('{"seconds": 60.0}')
    with (folder / unit / "results.jsonl").open("a") as stream:
        stream.write(json.dumps(made) + "\n")


@pytest.fixture(scope="session", name="write_study")
def study_writer() -> Callable[..., Path]:
    return write_study


@pytest.fixture(scope="session", name="append_row")
def row_writer() -> Callable[..., None]:
    """Adds one row to a study."""

    def write(folder: Path, **rest: Any) -> None:
        append(folder, row(**rest))

    return write
