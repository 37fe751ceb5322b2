"""``facerec compare``: one table of runs."""

import argparse

from tqdm import tqdm

from facerec.cli.messages import messages
from facerec.cli.model_options import ERROR, YES, command_parser
from facerec.files import write_whole
from facerec.reports import as_csv, as_markdown, compare_runs, find_runs, format_table, read_run

EXAMPLES = """\
  facerec compare runs/*
  facerec compare runs/resnet34_arcface runs/seresnet50_arcface --csv runs.csv --markdown runs.md
  facerec compare runs --sort "dev accuracy"

The settings are those in which the runs differ. `validation EER` is that of the checkpoint kept, which it chose, and so
is too good; `test EER` is there after `facerec test`, and `tested score` and the like where runs were tested
differently."""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Print the table.

    Args:
        args: see ``facerec compare --help``.

    Returns:
        0.
    """
    options = _parser().parse_args(args)
    folders = tqdm(find_runs(options.run), desc="reading", unit="run", delay=1, leave=False)
    rows = compare_runs([read_run(folder) for folder in folders], options.sort)
    print(format_table(rows))
    for path, write in ((options.csv, as_csv), (options.markdown, as_markdown)):
        if path:
            write_whole(path, write(rows))
    return YES


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("compare", "One table of runs: what differs between them, and what each gave.", EXAMPLES)
    parser.add_argument("run", nargs="+", help="folders of runs, or folders that hold some")
    parser.add_argument("--sort", metavar="COLUMN", help="by default the test EER, else the validation EER")
    parser.add_argument("--csv", metavar="FILE", help="also write it as CSV")
    parser.add_argument("--markdown", metavar="FILE", help="also write it as Markdown")
    return parser
