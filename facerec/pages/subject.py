"""A run that a page is about: everything that its folder and its data say, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facerec.checkpoints import ModelCard, read_card
from facerec.pages.data_facts import DataFacts
from facerec.reports.kept_scores import MeasuredRun, measured_runs
from facerec.reports.looks import Looks, looked_at, looks_at
from facerec.reports.measurement import METRICS
from facerec.reports.runs import Run, read_run
from facerec.reports.summary import Summary
from facerec.run_folders import best_checkpoint, last_checkpoint


@dataclass(frozen=True)
class Subject:
    """What is known of a run.

    Attributes:
        label: ``A`` or ``B``; empty for the only run of a page.
        path: the run as a user writes it, for commands.
        folder: of the run.
        run: its settings, and what its training logged.
        best: its best checkpoint, else its last; None without one.
        card: model card of that checkpoint.
        test: what ``facerec test`` measured; None for a run that was not tested.
        looked: name of each set of test pairs that was looked at, by its fingerprint.
        data: people and images; or why they could not be read.
    """

    label: str
    path: str
    folder: Path
    run: Run
    best: Path | None
    card: ModelCard | None
    test: MeasuredRun | None
    looked: dict[str, str]
    data: DataFacts | str

    @property
    def name(self) -> str:
        """Experiment and version of the run."""
        return self.run.name

    @property
    def sets(self) -> dict[str, Summary]:
        """Numbers of each set of test pairs by its name; none for a run that was not tested."""
        return self.test.measurement.sets if self.test is not None else {}

    @property
    def test_command(self) -> str:
        """The command that measures it."""
        return f"facerec test --ckpt_path {self.path}"

    def looks(self, name: str) -> Looks | None:
        """Looks at a set of test pairs; None where they were not counted."""
        found = [fingerprint for fingerprint, of in self.looked.items() if of == name]
        return looks_at(self.folder, found[-1]) if found else None

    def people(self, name: str) -> int | None:
        """Number of people in a set of test pairs; None where they are unknown."""
        identification = self.sets[name].identification
        if identification is not None:
            return identification.people
        if isinstance(self.data, DataFacts):
            return next((group.people for group in self.data.groups if group.name == f"test pairs {name}"), None)
        return None


def read_subjects(folders: Sequence[tuple[str, Path, DataFacts | str]]) -> list[Subject]:
    """The runs of a page.

    Args:
        folders: of each run its path as a user writes it, its folder, and its data or why they could not be read.

    Raises:
        ValueError: if a file of a run cannot be read.
    """
    labels = "AB" if len(folders) > 1 else [""]
    return [_read(label, *known) for label, known in zip(labels, folders, strict=True)]


def _read(label: str, path: str, folder: Path, data: DataFacts | str) -> Subject:
    best = best_checkpoint(folder) or last_checkpoint(folder)
    is_tested = (folder / "test" / METRICS).is_file()
    return Subject(
        label=label,
        path=path,
        folder=folder,
        run=read_run(folder),
        best=best,
        card=read_card(best) if best is not None else None,
        test=measured_runs(folder / "test")[0] if is_tested else None,
        looked=looked_at(folder),
        data=data,
    )
