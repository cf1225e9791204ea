"""The command line: `lth`."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from difflib import get_close_matches

from . import configs, failures, garbage, help
from .ended import recalled
from .failures import UsageError
from .preemption import listening


def main(args: list[str] | None = None) -> int:
    """Run one command; an error is one sentence on stderr.

    Args:
        args: The words after `lth`; those of the process by default. `--debug` among them shows tracebacks.

    Returns:
        The exit code: 0, 1 for a failure, 2 for a mistake in the command, 128 and its number when a signal ends it.
    """
    words = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(help.overview())
        return 0
    command, *rest = words
    with listening() if command in ("run", "fit") else nullcontext():
        try:
            return _run(command, rest, debug)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            return failures.report(f"lth {command}" if command in help.COMMANDS else "lth", error, debug)


def _run(command: str, args: list[str], debug: bool) -> int:
    if command not in help.COMMANDS:
        close = get_close_matches(command, help.COMMANDS, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise UsageError(f"there is no command '{command}'{meant}: the commands are {', '.join(help.COMMANDS)}")
    if any(word in ("-h", "--help") for word in args):
        print(help.of(command))
        return 0
    if command == "configs":
        print(configs.listed())
        return 0
    if command == "report":
        from .reporting import report

        report(args)
        return 0
    if command in ("run", "fit") and (said := recalled(configs.resolve(args))) is not None:
        print(said)
        return 0
    return _dispatch()(command, args, debug)


def _dispatch() -> Callable[[str, list[str], bool], int]:
    """What does the commands that train: Lightning takes seconds to import, which help and reports should not."""
    with nullcontext() if f"{__package__}.commands" in sys.modules else garbage.imports():
        from .commands import dispatch

    return dispatch


if __name__ == "__main__":
    sys.exit(main())
