"""When a mask moves."""

import math
from dataclasses import dataclass

from ..moments import Clock, Moment


@dataclass(frozen=True)
class Timetable:
    """The steps begin, begin + every, begin + 2 * every..., as far as the end.

    Args:
        every: The period, such as '100it' or '1ep'.
        begin: The first moment.
        end: The last one.

    Raises:
        ValueError: If one is misspelt, the period is nothing, or the end is seen to be before the beginning.
    """

    every: str
    begin: str
    end: str

    def __post_init__(self) -> None:
        begin, end = Moment.parse(self.begin), Moment.parse(self.end)
        if (period := Moment.parse(self.every)).unit == "end" or not period.count:
            raise ValueError(f"every is '{self.every}', but a mask moves every so many steps or epochs: give 1it or more")
        if begin.unit == end.unit and end.count < begin.count:
            raise ValueError(f"end is {self.end}, before begin, {self.begin}: give a later end or an earlier begin")

    def steps(self, clock: Clock) -> tuple[float, float, float]:
        """Period, begin and end in optimizer steps."""
        every, begin, end = (Moment.parse(text).steps(clock) for text in (self.every, self.begin, self.end))
        return every, begin, end

    def has(self, step: int, clock: Clock) -> bool:
        """Whether it has this step."""
        every, begin, end = self.steps(clock)
        return begin <= step <= end and (step - begin) % every == 0

    def check(self, clock: Clock) -> None:
        """Raise a ValueError unless a training is long enough for it."""
        every, begin, end = self.steps(clock)
        if math.isinf(end):
            raise ValueError(
                f"this training has no end that is known, so end, {self.end}, never comes: "
                "set trainer.max_epochs, or give end in steps, such as 30000it"
            )
        says = f"training ends after {clock.total:.0f} steps"
        if every > clock.total:
            raise ValueError(
                f"every is {self.every} ({every:.0f} steps), but {says}, so the mask would not move: "
                "give a shorter period, or train longer"
            )
        if begin >= clock.total:
            raise ValueError(
                f"begin is {self.begin} (step {begin:.0f}), but {says}, so the mask would not move: "
                "give an earlier begin, or train longer"
            )
        if end < begin:
            raise ValueError(
                f"end is {self.end} (step {end:.0f}), before begin, {self.begin} (step {begin:.0f}): "
                "give a later end or an earlier begin"
            )
        if end > clock.total:
            raise ValueError(f"end is {self.end} (step {end:.0f}), but {says}: give an earlier end, or train longer")
