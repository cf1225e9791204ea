"""Reading results: one table of trainings, intervals over seeds, and a page for people.

Everything here starts from what an experiment left in its folder (`results.jsonl`, `metrics.jsonl`, `timing.json`,
`config.yaml`, `not_applicable.json`); nothing is trained and no network is loaded.
"""

from .checks import verdicts
from .intervals import Interval, mean_interval, paired_difference
from .page import write_report
from .reading import curves, read
from .sentences import summary
from .verdict import Verdict, verdict, winners

__all__ = [
    "Interval",
    "Verdict",
    "curves",
    "mean_interval",
    "paired_difference",
    "read",
    "summary",
    "verdict",
    "verdicts",
    "winners",
    "write_report",
]
