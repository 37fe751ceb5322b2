"""``facerec report``: one HTML page about a run, or about two side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import yaml

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.configuration import data_module
from facerec.cli.model_options import add_trust_option, report_left_out
from facerec.cli.plot_sources import same_people
from facerec.cli.runs import chosen_checkpoint, run_of
from facerec.cli.saved_settings import from_checkpoint
from facerec.cli.status import Status
from facerec.data import FaceDataModule
from facerec.files import check_writable, write_whole
from facerec.inference.encoding import BATCH_SIZE
from facerec.pages import Choices, DataFacts, data_facts, read_subjects, report_page, require_jinja
from facerec.plots import EmbeddedImages
from facerec.plots.names import file_stem, short_names
from facerec.plots.projection import require_scikit_learn
from facerec.reports.results import CONFIG
from facerec.run_folders import best_checkpoint, last_checkpoint

MOST_RUNS = 2
PEOPLE = 10  # in the t-SNE
EXAMPLES = """\
facerec report runs/mine                               report_mine_version_0.html
facerec report runs/mine runs/theirs -o comparison.html
facerec report runs/mine --faces false --licence "CC BY-NC 4.0"      for other people's eyes"""
NOTES = """\
RUN is a run, an experiment (its newest run) or a checkpoint. The page shows what the run kept, so test it first:
facerec test --ckpt_path RUN. The page says what the number is, which of two runs is better, and what speaks against
trusting it. Then come settings, data, curves, results, the hardest pairs, a t-SNE of dev people, and a model card.

The file opens from disk and loads nothing. Faces are personal data: --faces false leaves their images out. The t-SNE
reads dev images where the training read them, or from --data.root, and needs pip install "facerec[plot]"; without them
a sentence stands in its place."""
MEANINGS = {Status.INCOMPLETE: "written, but some images of the t-SNE could not be used"}


def main(args: list[str]) -> Status:
    """Write the page.

    Args:
        args: see ``facerec report --help``.

    Returns:
        DONE, or INCOMPLETE if images could not be used.

    Raises:
        ValueError: for a wrong setting, or a file that is not from a run.
        FileNotFoundError: if a run does not exist.
    """
    parser = make_parser()
    options = parser.parse_intermixed_args(args)
    if len(options.run) > MOST_RUNS:
        parser.error(f"{len(options.run)} runs: a page is about one or two. `facerec compare` takes any number")
    require_jinja()
    folders = [_run_folder(path) for path in options.run]
    if len({folder.resolve() for folder in folders}) < len(folders):
        parser.error(f"{' '.join(options.run)} is the same run twice: name another one, or leave one out")
    output = Path(options.output or f"{file_stem('report', short_names(list(map(str, folders))))}.html")
    check_writable(output)
    subjects = read_subjects([(str(folder), folder, _data(options, folder)) for folder in folders])
    embedded = _embedded(options, [subject.best for subject in subjects])
    choices = Choices(options.title, options.licence, options.faces)
    write_whole(output, report_page(subjects, embedded, choices))
    print(output)
    left_out = [image for some in embedded if isinstance(some, EmbeddedImages) for image in some.left_out]
    report_left_out(left_out, sum(len(some.people) + len(some.left_out) for some in _sets(embedded)))
    return Status.INCOMPLETE if left_out else Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec report``."""
    parser = command_parser("report", "Write one HTML page about a run, or two.", EXAMPLES, NOTES, MEANINGS)
    parser.add_argument("run", nargs="+", metavar="RUN", help="one run, or two to compare")
    parser.add_argument("-o", "--output", metavar="FILE", help="file of the page (default: report_RUN.html)")
    parser.add_argument("--title", metavar="TEXT", help="title of the page (default: the names of the runs)")
    parser.add_argument("--licence", metavar="TEXT", help="licence of the weights, for the model card")
    parser.add_argument(
        "--faces", type=_true_or_false, default=True, metavar="BOOL", help="images of faces (default: true)"
    )
    parser.add_argument(
        "--tsne", type=_true_or_false, default=True, metavar="BOOL", help="t-SNE of ten dev people (default: true)"
    )
    parser.add_argument("--data.root", dest="root", metavar="DIR", help="data of another place than the training's")
    add_trust_option(parser)
    return parser


def _true_or_false(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r}: give true or false")
    return text.lower() == "true"


def _run_folder(path: str) -> Path:
    """The folder of the run that a path means.

    Raises:
        FileNotFoundError: if it does not exist, or has no run.
        ValueError: for a checkpoint that is in no run.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"no run {path}: give the folder of a run, runs/NAME, or a checkpoint in one")
    if (Path(path) / CONFIG).is_file():
        return Path(path)
    run = run_of(chosen_checkpoint(path, option="report"))
    if run is None:
        raise ValueError(f"{path} is in no run, and a page shows what a run kept: name a folder, runs/NAME")
    if not (run / CONFIG).is_file():
        raise FileNotFoundError(f"no run {run}: it has no {CONFIG}")
    return run


def _data(options: argparse.Namespace, folder: Path) -> DataFacts | str:
    """People and images of a run, or why they cannot be read."""
    checkpoint = best_checkpoint(folder) or last_checkpoint(folder)
    if checkpoint is None:
        return "the run has no checkpoint"
    try:
        return data_facts(_module(options, checkpoint))
    except (ValueError, OSError) as error:
        return str(error)


def _module(options: argparse.Namespace, checkpoint: Path) -> FaceDataModule:
    settings = yaml.safe_load(from_checkpoint(str(checkpoint), "test", options.trust))
    if options.root is not None:
        settings["data"] = {**(settings.get("data") or {}), "root": options.root}
    return data_module(settings)


def _embedded(options: argparse.Namespace, checkpoints: Sequence[Path | None]) -> list[EmbeddedImages] | str:
    """The same dev people as each network sees them, or why there are none."""
    if not options.tsne:
        return "the t-SNE was left out (--tsne false)"
    if missing := [checkpoint for checkpoint in checkpoints if checkpoint is None]:
        return f"{len(missing)} of {len(checkpoints)} runs has no checkpoint"
    named = argparse.Namespace(
        kind="tsne",
        run=list(map(str, checkpoints)),
        root=options.root,
        images="dev",
        seed=0,
        device="cpu",
        batch_size=BATCH_SIZE,
        trust=options.trust,
        raw_weights=False,
    )
    try:
        require_scikit_learn()
        return same_people(named, PEOPLE)
    except (ValueError, OSError) as error:
        return str(error)


def _sets(embedded: list[EmbeddedImages] | str) -> list[EmbeddedImages]:
    return [] if isinstance(embedded, str) else embedded
