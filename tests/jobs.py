"""Jobs on a real SLURM: submitting, cutting and awaiting them, and a record of the trainings that they begin."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parent
SBATCH = TESTS.parent / "slurm"
# `lth` as a job finds it: it notes each training that it begins, with the step and who does it, and takes its time, so
# that what is short on any machine can be cut in its middle
LTH = f"""#!{sys.executable}
import os, sys, time
sys.path[:0] = ["{TESTS}"]
from lth_lightning.preemption import listening

early = listening()
early.__enter__()  # as `lth` does before it imports anything heavy
from lth_lightning.training import LastCheckpoint

begin, step = LastCheckpoint.on_train_start, LastCheckpoint.on_train_batch_end
task = "-".join(os.environ.get(f"SLURM_{{name}}", "") for name in ("ARRAY_TASK_ID", "PROCID"))

def recorded(self, trainer, module):
    begin(self, trainer, module)
    with open(os.environ["LTH_RECORD"], "a") as file:
        file.write(f"{{self.path.parent}} {{trainer.global_step}} {{task}}\\n")

def slowed(*args):
    time.sleep(0.01 if "SLURM_JOB_ID" in os.environ else 0)
    step(*args)

LastCheckpoint.on_train_start = recorded
LastCheckpoint.on_train_batch_end = slowed
from lth_lightning.cli import main

sys.exit(main())
"""


class Place:
    """A working directory, from which jobs are submitted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "record"
        self.jobs: list[Job] = []
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "lth").write_text(LTH)
        (path / "bin" / "lth").chmod(0o755)
        outer = {name: value for name, value in os.environ.items() if name == "SLURM_CONF" or name[:5] != "SLURM"}
        self.environment = outer | {
            "PATH": f"{path / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(TESTS.parent),
            "OMP_NUM_THREADS": "1",
            "GIT_DIR": "none",  # results name the commit, which may be another one by the next start
            "LTH_RECORD": str(self.record),
        }

    def run(self, *command: str) -> str:
        """What a command prints."""
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, file: str, words: list[str], *options: str) -> "Job":
        """Type sbatch."""
        return self.follow(self.run("sbatch", "--parsable", *options, str(SBATCH / f"{file}.sbatch"), *words).strip())

    def follow(self, name: str) -> "Job":
        """A job that was submitted."""
        self.jobs.append(Job(self, name))
        return self.jobs[-1]

    def epochs(self, training: str) -> int:
        """How many epochs of a training are done."""
        curve = self.path / training / "metrics.jsonl"
        return len(curve.read_text().splitlines()) if curve.exists() else 0

    @property
    def begun(self) -> list[tuple[str, int]]:
        """Folder and step of every training that began."""
        return [(folder, int(step)) for folder, step, _ in self.lines]

    @property
    def lines(self) -> list[list[str]]:
        """Folder, step and task of every training that began."""
        return [line.split() for line in self.record.read_text().splitlines()] if self.record.exists() else []


class Job:
    """A job that was submitted, or a task of an array, such as '12_1'."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name

    @property
    def states(self) -> list[str]:
        """State and reason of each task in the queue; empty at the end."""
        show = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={self.name}", "--format=%T,%r"]
        ended = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
        return [line for line in self.place.run(*show).split() if not line.startswith(ended)]

    @property
    def output(self) -> str:
        """What all tasks printed, from the first start on."""
        return "".join(path.read_text() for path in sorted(self.place.path.glob(f"slurm-{self.name}*.out")))

    def requeued_itself(self) -> bool:
        """Whether it said so; at times SLURM ends srun before it passes that on, which then tells the exit code."""
        said = f"preempted: job {self.name} is requeued, and continues where it was\n"
        return said in self.output or f"Exited with exit code {128 + signal.SIGUSR1}" in self.output

    def until(self, there: Callable[[], bool], seconds: float = 90) -> None:
        """Wait for something that the job does."""
        end = time.monotonic() + seconds
        while not there():
            assert self.states, f"{self.name} ended before: {self.output}"
            assert time.monotonic() < end, f"{self.name} after {seconds} s: {self.states} {self.output}"
            time.sleep(0.05)

    def back(self) -> None:
        """Wait until it is in the queue again."""
        self.until(lambda: any("PENDING,BeginTime" in state for state in self.states))

    def again(self) -> None:
        """Wait until it is in the queue again, and let it begin at once instead of two minutes later."""
        self.back()
        self.place.run("scontrol", "update", f"JobId={self.name}", "StartTime=now")

    def finish(self, seconds: float = 150) -> None:
        """Wait for its end."""
        end = time.monotonic() + seconds
        while self.states:
            assert time.monotonic() < end, f"{self.name} after {seconds} s: {self.states} {self.output}"
            time.sleep(0.1)

    def cancel(self) -> None:
        """End it for good."""
        subprocess.run(["scancel", self.name], env=self.place.environment, capture_output=True)
