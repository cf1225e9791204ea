"""Reading results: one table of trainings, intervals over seeds, and a page for people.

Everything here starts from what an experiment left in its folder (`results.jsonl`, `metrics.jsonl`, `timing.json`,
`config.yaml`, `failed.json`, `not_applicable.json`); nothing is trained and no network is loaded.
"""

from .checks import verdicts
from .claiming import Judgement, judge
from .intervals import Interval, mean_interval, paired_difference
from .page import write_report
from .planned import bar_of, claims_of
from .reading import curves, read
from .setting import Setting
from .settings import pooled, settings
from .terminal import summary
from .verdict import Verdict, verdict, winners

__all__ = [
    "Interval",
    "Judgement",
    "Setting",
    "Verdict",
    "bar_of",
    "claims_of",
    "curves",
    "judge",
    "mean_interval",
    "paired_difference",
    "pooled",
    "read",
    "settings",
    "summary",
    "verdict",
    "verdicts",
    "winners",
    "write_report",
]
