"""Tested runs that pages are written about: one of ORL, one like it with other scores, one whose names are hostile."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facerec.cli import main
from facerec.reports import evaluate, read_metrics, write_metrics
from facerec.reports.kept_scores import read_scores
from tests.conftest import SMALL, save_face

HOSTILE = "\"><img src=x onerror=document.title='owned'>$x^$"
HOSTILE_FOLDERS = ('"><script>document.title=1<!--', "a&amp;<b>'$x^$")  # in lists of pairs, so without spaces
QUIET = ["--trainer.enable_progress_bar", "false"]


def command(folder: Path, *arguments: str) -> None:
    """Run a command in a folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        main(list(arguments))
    finally:
        os.chdir(here)


@pytest.fixture(scope="session")
def work(orl_run, tmp_path_factory) -> Path:
    """A working directory whose runs/orl_resnet18_arcface holds version_0, tested, and version_1, with other scores."""
    folder = tmp_path_factory.mktemp("pages") / "work"
    shutil.copytree(orl_run.parents[2], folder)
    command(folder, "test", "--ckpt_path", "runs/orl_resnet18_arcface", *QUIET)
    runs = folder / "runs" / "orl_resnet18_arcface"
    shutil.copytree(runs / "version_0", runs / "version_1")
    _blur(runs / "version_1" / "test")
    return folder


@pytest.fixture(scope="session")
def page_of_one(work) -> Path:
    """The page of version_0, with every part."""
    command(work, "report", "runs/orl_resnet18_arcface/version_0", "-o", "one.html")
    return work / "one.html"


@pytest.fixture(scope="session")
def page_of_two(work) -> Path:
    """The page of both runs, with every part."""
    runs = [f"runs/orl_resnet18_arcface/version_{number}" for number in (0, 1)]
    command(work, "report", *runs, "-o", "two.html")
    return work / "two.html"


def _blur(test: Path) -> None:
    """Add noise to the scores that a test kept, and measure them again."""
    kept = read_scores(test / "orl_scores.csv")
    scores = kept.scores + np.random.default_rng(0).normal(0.0, 0.3, len(kept.scores))
    heading, *rows = (test / "orl_scores.csv").read_text().splitlines()
    cells = [row.split(",") for row in rows]
    for row, score in zip(cells, scores, strict=True):
        row[2] = f"{score:.9g}"
    (test / "orl_scores.csv").write_text("\n".join([heading, *(",".join(row) for row in cells)]) + "\n")
    before = read_metrics(test / "metrics.json")
    identification = before.sets["orl"].identification
    numbers = evaluate(kept.same, scores=scores, score="cosine", resamples=20)
    numbers = replace(numbers, identification=identification, no_identification=None)
    write_metrics(test / "metrics.json", replace(before, sets={"orl": numbers}))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> Path:
    """The folder of a tested run whose training people, test people and folders are named as HTML."""
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / "faces"
    for person, name in enumerate((HOSTILE, "n2", "n3"), start=1):
        for image in range(1, 5):
            save_face(person, image, root / "train" / name / f"{image}.jpg")
        for image in (8, 9):
            save_face(person, image, root / "dev" / name / f"{image}.jpg")
    for stage, people in (("val", (30, 31)), ("test", (32, 33))):
        lines = []
        for person, name in zip(people, HOSTILE_FOLDERS, strict=True):
            for image in range(1, 4):
                save_face(person, image, root / "ver_data" / stage / name / f"{image}.jpg")
            lines += [f"{stage}/{name}/{i}.jpg {stage}/{name}/{j}.jpg 1" for i, j in ((1, 2), (1, 3), (2, 3))]
        first, second = HOSTILE_FOLDERS
        lines += [f"{stage}/{first}/{i}.jpg {stage}/{second}/{j}.jpg 0" for i in (1, 2, 3) for j in (1, 2, 3)]
        (root / f"{stage}_pairs.txt").write_text("\n".join(lines) + "\n")
    settings = [*SMALL, "--trainer.max_epochs=1", "--data.batch_size=4", "--checkpoint.candidates_after=0"]
    sources = [f"--data.{name}=null" for name in ("train", "dev", "val_pairs", "test_pairs")]
    command(folder, "fit", *settings, "--data.root", str(root), *sources)
    command(folder, "test", "--ckpt_path", "runs/orl_resnet18_arcface", *QUIET)
    return folder / "runs" / "orl_resnet18_arcface" / "version_0"
