"""The tests of a sweep's trainings: ``facerec test`` of each, in one process."""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from tqdm import tqdm

from facerec.sweeps.league import untested_runs
from facerec.sweeps.trials import Trial


def run_tests(trials: Sequence[Trial]) -> None:
    """Test each run of a finished trial that was not tested yet. What the tests print is not shown.

    Args:
        trials: of a study.

    Raises:
        ValueError: naming the run, for data that cannot be used.
    """
    from facerec.cli import training  # it imports Lightning

    for run in tqdm(untested_runs(trials), desc="testing", unit="run"):
        try:
            with _silence():
                training.main("test", ["--ckpt_path", str(run)])
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(f"facerec test --ckpt_path {run}: {error}") from error


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing is printed but warnings of loggers."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
