"""How a command ends that does not succeed: an exit code and one sentence. Imports nothing heavy."""

import errno
import sys
import traceback

from .files import DamagedFileError
from .preemption import StoppedError


class UsageError(Exception):
    """A mistake in the command line or in a config; its text is a sentence with the value and the remedy."""


def report(command: str, error: BaseException, debug: bool) -> int:
    """Say in one sentence on stderr how a command ended.

    Args:
        command: What was typed before the arguments, such as 'lth run'.
        error: What ended it.
        debug: Whether to show the traceback first.

    Returns:
        The exit code: 2 for a mistake in the command, 1 for a failure, 128 and the number of a signal.
    """
    code, text = explained(error)
    if debug:
        traceback.print_exception(error)
    if text:
        print(f"{command}: {' '.join(text.split())}", file=sys.stderr)
    return code


def explained(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and a sentence."""
    stop = error.__context__ if isinstance(error, SystemExit) and error.__context__ else error
    if isinstance(error, UsageError):
        return 2, str(error)
    if isinstance(error, StoppedError):
        return int(str(error.code)), error.text
    if isinstance(stop, KeyboardInterrupt):  # Lightning turns it into an exit
        return 130, "interrupted: the same command line continues where it was"
    if type(error).__name__ == "SIGTERMException":  # Lightning's
        return 143, "terminated: the same command line continues where it was"
    if isinstance(error, SystemExit):
        return (error.code, "") if isinstance(error.code, int) else (1, str(error.code or ""))
    if isinstance(error, OSError):
        return 1, _of_the_system(error)
    if isinstance(error, DamagedFileError) or type(error).__name__ == "FailedTrainingError":
        return 1, str(error)
    if isinstance(error, ValueError | RuntimeError):
        return 1, f"{error} (--debug shows where)"
    return 1, f"{type(error).__name__}{f': {error}' if str(error) else ''} (--debug shows where)"


def out_of_space(error: OSError) -> bool:
    """Whether an error says that a disk, a quota or a limit on files is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _of_the_system(error: OSError) -> str:
    if out_of_space(error):
        file = f" at {error.filename}" if error.filename else ""
        return (
            f"the disk is full{file} ({error.strerror}): free some space and type the same command again; what was "
            "finished is kept, and the training that was cut goes on from its last checkpoint"
        )
    if error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
