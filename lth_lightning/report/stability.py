"""What copies under other SGD noise say, in a sentence."""

import pandas as pd

from .arms import FROM, describe
from .intervals import mean_interval
from .measures import LEVELS
from .wording import points, spread

BOUND = LEVELS["instability"]


def stability(table: pd.DataFrame) -> str:
    """From which moment of the dense training on copies of it are stable; empty where there are none.

    Args:
        table: Trainings as `read` returns them.
    """
    arms = [name for name in describe(table["arm"]) if name.startswith(FROM)]
    if not arms:
        return ""
    if "instability" not in table:
        return "Copies under other SGD noise have finished; whether they end in one basin is told by lth analyze."
    by_arm = {arm: mean_interval(table[table["arm"] == arm].groupby("seed")["instability"].mean()) for arm in arms}
    known = {arm: interval for arm, interval in by_arm.items() if interval.n}
    told = [
        f"{points(each.mean).lstrip('+')} points ({spread(each)}) from {arm.removeprefix(FROM)} on"
        for arm, each in known.items()
    ]
    ends = " and ".join(dict.fromkeys([told[0], told[-1]]))
    held = [arm for i, arm in enumerate(known) if all(each.mean < BOUND for each in list(known.values())[i:])]
    since = f"on average they are stable from {held[0].removeprefix(FROM)} on" if held else "they are not stable"
    return f"Copies of dense networks under other SGD noise have an error barrier of {ends}: {since} (below 2 points)."
