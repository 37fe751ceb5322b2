"""``facerec sweep``: try settings, each on several seeds and several groups of validation people."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import yaml

from facerec.cli.check import DEFAULT_CONFIG, seconds_of_training
from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.config_files import read_config
from facerec.cli.configuration import check_settings
from facerec.cli.runs import RUNS
from facerec.cli.status import Status
from facerec.cli.sweep_tests import run_tests
from facerec.plain_text import read_yaml
from facerec.sweeps.definition import Sweep, read_sweep
from facerec.sweeps.nested import with_settings
from facerec.sweeps.plan import duration, plan_lines, runs_left, seconds_left
from facerec.sweeps.space import edges
from facerec.sweeps.trials import Trial, in_order

SWEEPS = "sweeps"
EXAMPLES = """\
facerec sweep experiments/sweeps/loss.yaml --plan             what it would do, and how long it takes
facerec sweep experiments/sweeps/loss.yaml                    begin, or go on; in several shells to share the work
facerec sweep experiments/sweeps/loss.yaml --report           the table so far
facerec sweep experiments/studies/orl_losses.yaml --test      test what is trained, and compare on test people
facerec sweep mine.yaml --set data.root=DIR                   with a setting of this machine"""
NOTES = """\
A trial is one choice of settings. Its trainings differ in seed and in the people who validate, and it is judged by the
mean of their validation EERs. Test people are looked at by --test alone: make your choice before, by validation people.

SWEEP holds, in YAML:
  config   configuration to start from, relative to SWEEP; by default the embedded one
  search   for each setting, by its full name, a list of values or a range {low:, high:, log:, int:}
           a value that is a dictionary goes by its class, or by {name: LABEL, value: {...}}
  method   grid (default), random or tpe; trials is their number
  repeat   {seeds: 3, folds: 5}: each trial is trained 15 times
           settings: a list of settings, such as other test people, each of which is trained as well;
           or the name of a YAML file with that list, relative to SWEEP
  fixed    settings of every trial, and of the best configuration
  budget   settings of the trials alone, such as trainer.max_epochs
  measure  validation EER (default), or dev error: the share of dev images that are classified wrong
  prune    {after: 5}: stop a trial that is worse than the median of at least five others at the same place
  name, seed

The study is runs/sweeps/NAME. Each training is an ordinary run in it. The same command goes on where it was stopped or
killed. Several processes share the work, also on machines that share the folder. docs/tuning.md: how to judge it."""
MEANINGS = {Status.INCOMPLETE: "done, but some trials failed"}


def main(args: list[str]) -> Status:
    """Run a sweep, plan it, or report on it.

    Args:
        args: see ``facerec sweep --help``.

    Returns:
        DONE, or INCOMPLETE if trials failed.

    Raises:
        ValueError: for a file or settings that cannot be used, or where three trials in a row fail alike.
        FileNotFoundError: for a missing file, or no study to report on.
    """
    options = make_parser().parse_args(args)
    sweep = _read(options.sweep, options.set)
    folder = Path(RUNS, SWEEPS, sweep.name)
    study_kind = _study_kind()
    has_begun = study_kind.exists(folder)
    if options.report or options.test:
        if not has_begun:
            raise FileNotFoundError(f"no study in {folder}: begin with facerec sweep {options.sweep}")
        study = study_kind(folder, sweep)
        if options.test:
            run_tests(study.trials())
        return _report(study)
    for point in edges(sweep.space):
        check_settings(sweep.settings(point))
    for variant in sweep.variants:
        check_settings(with_settings(sweep.settings(edges(sweep.space)[0]), dict(variant.settings)))
    study = study_kind(folder, sweep) if has_begun or not options.plan else None
    _show_plan(sweep, folder, [] if study is None else study.trials(), options.sweep)
    if options.plan or study is None:
        return Status.DONE
    if options.retry_failed:
        _say(f"failed trials that are tried again: {study.retry_failed()}")
    _work(study, options.sweep)
    return _report(study)


def make_parser() -> CommandParser:
    """The options of ``facerec sweep``."""
    description = "Try settings, each on several seeds and several groups of validation people."
    parser = command_parser("sweep", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument("sweep", type=Path, metavar="SWEEP", help="YAML file of the sweep")
    parser.add_argument("--plan", action="store_true", help="print what would be done, and how long it takes")
    parser.add_argument("--report", action="store_true", help="print the table so far, and draw the figures")
    parser.add_argument("--test", action="store_true", help="test every finished training once, and compare the trials")
    parser.add_argument("--retry_failed", action="store_true", help="try the failed trials again")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="setting of this machine, such as data.root=DIR; may be given again",
    )
    return parser


def _study_kind() -> Any:
    """The class of the study, whose module needs Optuna."""
    try:
        from facerec.sweeps.study import Study
    except ImportError as error:
        raise ValueError(f'facerec sweep needs Optuna ({error}): pip install "facerec[sweep]"') from error
    return Study


def _read(path: Path, machine: Sequence[str]) -> Sweep:
    """The sweep of a file."""
    given = _value_of(path, "no sweep file")
    entries = given if isinstance(given, dict) else {}
    config, repeat = entries.pop("config", None), entries.get("repeat")
    if isinstance(repeat, dict) and isinstance(repeat.get("settings"), str):
        repeat["settings"] = _value_of(path.parent / repeat["settings"], "repeat.settings: no file")
    base = read_config(DEFAULT_CONFIG if config is None else path.parent / str(config))
    try:
        return read_sweep(given, path.stem, base, dict(map(_setting, machine)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _value_of(path: Path, missing: str) -> Any:
    """The value of a YAML file; ``missing`` begins the error where there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{missing} {path}")
    return read_yaml(path.read_text(encoding="utf-8"), path)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"--set {text}: give NAME=VALUE, such as data.root=DIR")
    return name, yaml.safe_load(value)


def _show_plan(sweep: Sweep, folder: Path, trials: Sequence[Trial], file: Path) -> None:
    """Print what the sweep does, then how long it takes, which may have to be measured."""
    _say("\n".join([f"sweep {sweep.name} ({file}) in {folder}", *plan_lines(sweep, trials)]))
    left, seconds = runs_left(trials, sweep), seconds_left(trials, sweep)
    if not left:
        return
    how = "from the trainings that are finished"
    if seconds is None:
        one = seconds_of_training(sweep.settings(edges(sweep.space)[0]))
        seconds = left * one
        how = f"{duration(one)} a training, from a few steps of the first one: without start, validation and figures"
    _say(f"time: about {duration(seconds)} in one process ({how})\nlogs: {folder}/trial_*/*.log\n")


def _work(study: Any, file: Path) -> None:
    """Train; say how to go on where that is interrupted."""
    from facerec.sweeps.work import SweepWork

    before = signal.signal(signal.SIGTERM, _exit)
    try:
        SweepWork(study, _say).run()
    except (KeyboardInterrupt, SystemExit):
        print(f"\nEvery finished training is kept. To go on: facerec sweep {file}", file=sys.stderr, flush=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(Status.TERMINATED)


def _report(study: Any) -> Status:
    """Print what the sweep found, and write its figures."""
    from facerec.sweeps.results import write_leagues, write_results

    trials = study.trials()
    _say("\n".join(["", *write_results(study.folder, study.sweep, trials, study.importance())]))
    for line in write_leagues(study.folder, study.sweep, trials):
        _say(line)
    has_failed = any(trial.state == "failed" for trial in in_order(trials))
    return Status.INCOMPLETE if has_failed else Status.DONE


def _say(text: str) -> None:
    print(text, flush=True)
