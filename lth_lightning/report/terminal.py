"""What a report says in the few lines of a terminal."""

from pathlib import Path

from .reading import read
from .sentences import findings
from .settings import is_study
from .stated import judgements, sentence
from .study import headline


def summary(folder: Path | str) -> list[str]:
    """Sentences for a terminal: what became of every claim, what was found, and where the report is.

    What was found is, for one experiment, tickets against dense networks and against their checks (see `findings`),
    and for a study which settings had winning tickets.

    Args:
        folder: The folder that `lth run ... --folder` wrote to.

    Returns:
        A sentence per claim and finding.

    Raises:
        FileNotFoundError: There is no finished training in this folder.
    """
    folder = Path(folder)
    page = folder / "report.html"
    where = f"The report is {page}." if page.is_file() else f"`lth report {folder}` writes the report to {page}."
    table = read(folder)
    told, notes = judgements(folder, table)
    found = [headline(folder, table)] if is_study(table) else findings(table)
    return [*map(sentence, told), *notes, *found, where]
