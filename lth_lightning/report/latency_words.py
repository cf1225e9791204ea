"""What `Latency` found, in words: what pruning does to time, beside what it would do in theory."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .arms import PRUNED
from .wording import INTERVAL, listed, share

FORMS: Mapping[str, str] = {"dense": "dense", "masked": "masked", "slim": "slim", "csr": "sparse kernel"}
TOLD: Mapping[str, str] = {
    "masked": "as it was trained, its zeros in dense tensors,",
    "slim": "without the channels that nothing reads",
    "csr": "with a sparse kernel (CSR)",
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
        f"with {share(sparsest['density'])} of the weights, {'; '.join(_forms(own))}; in theory, if only kept weights "
        f"were multiplied, {sparsest['theory']:.2g} ({INTERVAL}s; {machine(rows)})"
    )


def _forms(own: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each form and how long it takes: in full of the first, of the others in the same order."""
    for number, form in enumerate(dict.fromkeys(row["form"] for row in own)):
        rows = [row for row in own if row["form"] == form]
        if number:
            yield f"{TOLD[form]} {listed(map(ratio, rows))}"
        else:
            first, *others = rows
            full = f"{ratio(first)} times as long as the dense one at {where(first)}"
            ratios = [full, *(f"{ratio(row)} at {where(row)}" for row in others)]
            yield f"the network {TOLD[form]} takes {listed(ratios)}"


def ratio(row: Mapping[str, Any]) -> str:
    """How many times as long as the dense network, with its interval.

    Example:
        >>> ratio({"ratio": 2.1, "low": 2.05, "high": 2.153}), ratio({"ratio": 0.0511, "low": None, "high": None})
        ('2.10 (2.05 to 2.15)', '0.05')
    """
    ends = "" if _unknown(row["low"]) else f" ({row['low']:.2f} to {row['high']:.2f})"
    return f"{row['ratio']:.2f}{ends}"


def speed_up(row: Mapping[str, Any]) -> tuple[str, str]:
    """How many times as fast as the dense network, and its interval, empty where there is none.

    Example:
        >>> speed_up({"ratio": 0.5, "low": 0.4, "high": 0.8}), speed_up({"ratio": 20.0, "low": None, "high": None})
        (('2.00', '1.25 to 2.50'), ('0.05', ''))
    """
    ends = "" if _unknown(row["low"]) else f"{1 / row['high']:.2f} to {1 / row['low']:.2f}"
    return f"{1 / row['ratio']:.2f}", ends


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
