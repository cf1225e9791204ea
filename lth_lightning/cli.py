"""The command line: `lth`."""

import sys

COMMANDS = {
    "run": "run an experiment: many trainings, such as finding a lottery ticket; the same command resumes it",
    "fit": "train once, dense or sparse; the same command resumes it",
    "validate": "evaluate a checkpoint on the validation images",
    "test": "evaluate a checkpoint on the test images",
    "predict": "classify the test images with a checkpoint",
    "report": "write report.html and its figures for an experiment's folder",
    "configs": "list the shipped configs",
}
EXAMPLE = "lth run --config digits --config imp --folder runs/imp"


def main(args: list[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The words after `lth`; those of the process by default.

    Returns:
        The exit code: 0, 1 for a failure, 2 for a mistake in the command.
    """
    args = list(sys.argv[1:] if args is None else args)
    if not args or args[0] in ("-h", "--help"):
        print(usage())
        return 0
    from .commands import dispatch  # Lightning takes seconds to import, which the list of commands should not

    return dispatch(args[0], args[1:])


def usage() -> str:
    """The commands, a line each, with an example."""
    lines = [f"  {name:9} {text}" for name, text in COMMANDS.items()]
    return "\n".join(["usage: lth COMMAND ...", "", *lines, "", f"example:  {EXAMPLE}", "options:  lth COMMAND --help"])


if __name__ == "__main__":
    sys.exit(main())
