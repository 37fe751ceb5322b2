"""``facerec compare``: one table of runs, or two of them on the same pairs."""

from tqdm import tqdm

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.status import Status
from facerec.files import write_whole
from facerec.reports import (
    as_csv,
    as_markdown,
    compare_paired,
    compare_runs,
    find_runs,
    fitted_table,
    format_table,
    read_run,
)

EXAMPLES = """\
facerec compare runs/*
facerec compare runs/resnet34_arcface runs/seresnet50_arcface --csv runs.csv --markdown runs.md
facerec compare runs --sort 'dev accuracy'
facerec compare --paired runs/resnet34_arcface runs/seresnet50_arcface"""
NOTES = """\
The table fits 120 columns: the results, then the settings in which the runs differ. Other data, and another class, are
one column each. Runs that differ in seed, fold or validation group alone are one row: mean ± standard deviation, and
the number of runs. --all shows every run and every setting, as the CSV and Markdown files do.
`validation EER` chose the checkpoint, so it is too low; `test EER` appears after `facerec test`. If runs were tested
differently, `tested score` and the like say how.

--paired says whether A or B is better, or whether chance may explain the difference of their EERs. Both must have been
tested on the same pairs. The same people are drawn for both; most people in one or two pairs: pairs are drawn. Give
runs, folders of runs of several seeds and folds of test people, or metrics.json of two tests."""


def main(args: list[str]) -> Status:
    """Print the table.

    Args:
        args: see ``facerec compare --help``.

    Returns:
        DONE.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    if bool(options.run) == bool(options.paired):
        parser.error("name runs for a table, or two for --paired A B")
    if options.paired:
        for name in ("sort", "all", "csv", "markdown"):
            if getattr(options, name):
                parser.error(f"--{name} is of the table of runs: leave it out with --paired")
        print(compare_paired(*options.paired))
        return Status.DONE
    folders = tqdm(find_runs(options.run), desc="reading", unit="run", delay=1, leave=False)
    runs = [read_run(folder) for folder in folders]
    rows = compare_runs(runs, options.sort)
    shown, notes = (rows, []) if options.all else fitted_table(runs, options.sort)
    if shown:
        print(format_table(shown))
    for note in notes:
        print(note)
    for path, write in ((options.csv, as_csv), (options.markdown, as_markdown)):
        if path:
            write_whole(path, write(rows))
    return Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec compare``."""
    description = "Print one table of runs: the settings that differ, and the results. Or compare two."
    parser = command_parser("compare", description, EXAMPLES, NOTES)
    parser.add_argument("run", nargs="*", metavar="RUN", help="folders of runs, or folders that contain some")
    parser.add_argument(
        "--sort", metavar="COLUMN", help="column to sort by (default: test EER, else validation EER, else dev accuracy)"
    )
    parser.add_argument("--all", action="store_true", help="every run and every setting that differs, however wide")
    parser.add_argument("--paired", nargs=2, metavar=("A", "B"), help="two runs to compare on the same pairs")
    parser.add_argument("--csv", metavar="FILE", help="CSV file to write the table to")
    parser.add_argument("--markdown", metavar="FILE", help="Markdown file to write the table to")
    return parser
