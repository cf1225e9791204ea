"""What `Latency` found, in words: what pruning does to time, beside what it would do in theory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .arms import PRUNED
from .wording import INTERVAL, listed, share

FORMS: Mapping[str, str] = {  # in tables and legends
    "dense": "dense",
    "masked": "masked: zeros in dense tensors",
    "slim": "slim: without channels that nothing reads",
    "csr": "sparse kernel (CSR)",
}
TOLD: Mapping[str, str] = {
    "masked": "the masked network",
    "slim": "the slim one, without channels that nothing reads,",
    "csr": "one with a sparse kernel",
}
DEVICES: Mapping[str, str] = {"cpu": "CPU", "cuda": "GPU"}


def latency_sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    """How long the sparsest network takes, in every form, beside the dense one and beside theory; without a full stop.

    Args:
        rows: Of `Latency`, of one setting; at least one.
    """
    pruned = [row for row in rows if row["form"] != "dense"]
    made = [row for row in pruned if row["arm"] in PRUNED] or pruned
    if not made:
        times = [f"{milliseconds(row['latency'])} at {where(row)}" for row in rows]
        return f"a forward pass of the dense network takes {listed(times)}"
    sparsest = min(made, key=lambda row: float(row["density"]))
    own = [row for row in made if all(row[key] == sparsest[key] for key in ("arm", "round", "seed"))]
    return (
        f"a forward pass at {share(sparsest['density'])} of the weights, in times of the dense network's: "
        f"{', '.join(_forms(own))}; {sparsest['theory']:.2g} in theory, if only kept weights were multiplied "
        f"({INTERVAL}s; {machine(rows)})"
    )


def _forms(own: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    said = False
    for form in dict.fromkeys(row["form"] for row in own):
        ratios = [f"{ratio(row)} at {where(row)}" for row in own if row["form"] == form]
        yield f"{TOLD[form]}{'' if said else ' takes'} {listed(ratios)}"
        said = True


def ratio(row: Mapping[str, Any]) -> str:
    """How many times as long as the dense network, with its interval.

    Example:
        >>> ratio({"ratio": 2.1, "low": 2.05, "high": 2.153}), ratio({"ratio": 0.0511, "low": None, "high": None})
        ('2.10 (2.05 to 2.15)', '0.05')
    """
    ends = "" if _unknown(row["low"]) else f" ({row['low']:.2f} to {row['high']:.2f})"
    return f"{row['ratio']:.2f}{ends}"


def speed_up(row: Mapping[str, Any]) -> str:
    """How many times as fast as the dense network, with its interval.

    Example:
        >>> speed_up({"ratio": 0.5, "low": 0.4, "high": 0.8}), speed_up({"ratio": 20.0, "low": None, "high": None})
        ('2.00 (1.25 to 2.50)', '0.05')
    """
    ends = "" if _unknown(row["low"]) else f" ({1 / row['high']:.2f} to {1 / row['low']:.2f})"
    return f"{1 / row['ratio']:.2f}{ends}"


def _unknown(end: float | None) -> bool:
    return end is None or math.isnan(end)


def where(row: Mapping[str, Any]) -> str:
    """How many images at once, and if not on the CPU where.

    Example:
        >>> where({"batch": 64, "device": "cpu"}), where({"batch": 1, "device": "cuda"})
        ('batch 64', 'batch 1 on the GPU')
    """
    kind = str(row["device"]).partition(":")[0]
    return f"batch {row['batch']}" + ("" if kind == "cpu" else f" on the {DEVICES.get(kind, kind)}")


def machine(rows: Sequence[Mapping[str, Any]]) -> str:
    """What was measured on, such as 'AMD EPYC, 2 threads'."""
    told = {
        f"{row['processor']}" + (f", {row['threads']} thread{'s' * (row['threads'] != 1)}" * (row["device"] == "cpu"))
        for row in rows
    }
    return " and ".join(sorted(told))


def milliseconds(seconds: float) -> str:
    """A latency.

    Example:
        >>> milliseconds(0.0000813), milliseconds(0.0123456), milliseconds(2.5)
        ('0.0813 ms', '12.3 ms', '2500 ms')
    """
    value = 1000 * seconds
    return f"{value:.0f} ms" if value >= 100 else f"{value:.3g} ms"
