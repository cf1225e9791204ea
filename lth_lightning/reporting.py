"""`lth report`: without torch and Lightning, whose imports take longer than a page."""

from pathlib import Path

from .failures import UsageError


def report(args: list[str]) -> None:
    """Write an experiment's page, and say what is on it.

    Args:
        args: The words after the command: the experiment's folder.

    Raises:
        UsageError: If there is none, or nothing in it has finished.
    """
    folder = folder_of("report", args)
    from .report import summary, write_report  # after the words are known to be right: matplotlib takes a second

    try:
        write_report(folder)
        for line in summary(folder):
            print(line)
    except FileNotFoundError as error:
        raise UsageError(str(error)) from error


def folder_of(command: str, args: list[str]) -> Path:
    """The folder that a command is about.

    Args:
        command: Its name, for an example.
        args: The words after it.

    Raises:
        UsageError: If it is not one folder.
    """
    if len(args) != 1 or args[0].startswith("-"):
        kind, example = (
            ("a training", "runs/imp/seed-0/round-01") if command == "export" else ("an experiment", "runs/imp")
        )
        raise UsageError(f"give the folder of {kind}, such as lth {command} {example}")
    return Path(args[0])
