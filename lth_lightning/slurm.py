"""SLURM: what is shared is submitted as an array of equal tasks, and a job whose time is over goes back to the queue.

Nothing here divides the work: every task of every job types the same command line, and they share the folder.
"""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import IO
from zlib import crc32

from .failures import UsageError
from .preemption import CONTINUES, StoppedError, asked

SECONDS = 120  # for a busy controller


def sbatch_file(name: str) -> Path:
    """A shipped sbatch file, such as 'study'; an installed wheel has them inside the package, a checkout beside it."""
    inside = Path(__file__).parent / "sbatch"
    root = inside if inside.is_dir() else Path(__file__).parent.parent / "slurm"
    return root / f"{name}.sbatch"


def submit(words: Sequence[str], folder: Path, missing: int, most: int, file: Path | None = None) -> str:
    """Submit an array of tasks that share what is missing, together with those that are queued or running.

    Args:
        words: The words after `lth run`, without --slurm.
        folder: The experiment's folder.
        missing: Number of parts of a study, or of seeds, that are not finished.
        most: How many tasks may run at once.
        file: The sbatch file; `slurm/study.sbatch` by default.

    Returns:
        A sentence for the user.

    Raises:
        UsageError: If `most` is not positive, or SLURM is not there or refuses.
    """
    if most < 1:
        raise UsageError(f"--slurm is {most}: say how many tasks may run at once, 1 or more")
    if not missing:
        return f"nothing is left to do in {folder}, so nothing was submitted"
    name = job_name(folder)
    show = ["squeue", "--me", f"--name={name}"]
    there = len(_said([*show, "--array", "--noheader", "--format=%T"]).split())
    tasks = min(most, missing) - there
    if tasks < 1:
        return f"nothing was submitted: {_tasks(there)} of {folder} in the queue already ({' '.join(show)} shows them)"
    array = f"--array=0-{tasks - 1}"
    job = _said(["sbatch", "--parsable", f"--job-name={name}", array, str(file or sbatch_file("study")), *words])
    beside = f", beside {there} in the queue already" if there else ""
    number = job.strip().partition(";")[0]
    return f"job {number} is submitted: {_tasks(tasks)} to share what is left{beside} ({' '.join(show)} shows them)"


def _tasks(count: int) -> str:
    return "1 task is" if count == 1 else f"{count} tasks are"


def job_name(folder: Path) -> str:
    """The name of a folder's jobs: readable, of its own, and without what squeue's lists of names are split by."""
    place = os.path.realpath(folder)
    readable = re.sub(r"[^\w.-]", "_", Path(place).name)
    return f"lth-{readable}-{crc32(place.encode()):08x}"


def _said(command: Sequence[str]) -> str:
    """What a command of SLURM's prints."""
    try:
        done = subprocess.run(command, env=_environment(os.environ), capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no {command[0]} on PATH: type this where SLURM is, or leave --slurm out to train here"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{command[0]} does not answer within {SECONDS} s: try again later") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise UsageError(f"{command[0]} refused ({said}): variables such as SBATCH_PARTITION=long set its options")
    return done.stdout


def _environment(here: Mapping[str, str]) -> dict[str, str]:
    """This one, where `lth` is this `lth`, and without what describes the job that it is typed in, if there is one."""
    inside = "SLURM_JOB_ID" in here
    kept = {key: value for key, value in here.items() if not (inside and re.match("SLURM_(?!CONF$)", key))}
    lth = Path(sys.argv[0]) if Path(sys.argv[0]).name == "lth" else Path(sys.executable)
    return kept | {"PATH": f"{lth.absolute().parent}{os.pathsep}{here.get('PATH', os.defpath)}"}


def job() -> str | None:
    """What SLURM calls the job of this process; by SLURM_JOB_ID alone the last task of an array would be all of it."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ.get("SLURM_JOB_ID")


@contextmanager
def requeueing(folder: Path) -> Iterator[None]:
    """Under SLURM, put the job back into the queue after SIGUSR1, by which it says that time is nearly over.

    Of a job's tasks in the folder the last one to stop does so, since that ends the others. After SIGTERM, as by
    scancel, nobody does.

    Args:
        folder: The experiment's folder, which exists.

    Raises:
        StoppedError: Instead of that which ends the block, with what became of the job.
    """
    name = job()
    if name is None:
        yield
        return
    with (folder / ".jobs").open("a+") as file:
        _lock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        try:
            yield
        except StoppedError as stop:
            _lock(file, fcntl.LOCK_UN)
            if Signals.SIGTERM in (stop.by, asked()):
                raise
            if _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
                raise _requeued(name, stop) from None
            later = f"preempted: job {name} is requeued by the last of its tasks to stop, and continues where it was"
            raise StoppedError(stop.by, later) from None


def _lock(file: IO[str], how: int) -> bool:
    """Lock the byte that is the job's in a file, which works over NFS too; False if that is another process's."""
    try:
        fcntl.lockf(file, how, 1, int(os.environ["SLURM_JOB_ID"]))
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _requeued(name: str, stop: StoppedError) -> StoppedError:
    """Requeue a job; what there is to say of it."""
    try:
        done = subprocess.run(["scontrol", "requeue", name], capture_output=True, text=True, timeout=SECONDS)
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        fine = done.returncode in (0, -Signals.SIGTERM)  # requeueing ends the job, and with it scontrol
    except (OSError, subprocess.TimeoutExpired) as error:
        said, fine = str(error), False
    if fine:
        return StoppedError(stop.by, f"preempted: job {name} is requeued, and continues where it was")
    return StoppedError(stop.by, f"preempted, but SLURM does not requeue job {name} ({said}): {CONTINUES}", code=1)
