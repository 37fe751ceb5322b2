"""The raw weights of a checkpoint that offers their average: with every command, and with their own threshold."""

from pathlib import Path

import numpy as np
import pytest

from facerec.checkpoints import read_card
from facerec.reports.measurement import read_metrics
from tests.cli.conftest import assert_refused, best_file, events, run
from tests.conftest import SMALL, save_face


def test_raw_weights_are_measured_by_their_own_threshold_and_kept_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, "--average.kind=ema", "--trainer.max_epochs=1", "--checkpoint.candidates_after=0") == 0
    [folder] = Path("runs").glob("*/*")
    card = read_card(best_file(folder))
    assert card.calibration != card.raw_calibration
    for options, name, calibration in (
        ([], "test", card.calibration),
        (["--raw_weights=true"], "test_raw_weights", card.raw_calibration),
    ):
        assert run("test", "--ckpt_path", folder, *options) == 0
        assert read_metrics(folder / name / "metrics.json").calibration == calibration
    measured = read_metrics(folder / "test" / "metrics.json").logged["test/eer"]
    assert [event.value for event in events(folder).Scalars("verdict/test/eer")] == [pytest.approx(measured)]
    save_face(1, 1, Path("a.png"))
    for options in ([], ["--raw_weights"]):
        assert run("embed", "a.png", "--ckpt_path", folder, "--output", f"{len(options)}.npz", *options) == 0
    one, other = (np.load(f"{number}.npz") for number in (0, 1))
    assert one["fingerprint"] != other["fingerprint"]
    capsys.readouterr()
    stored = ["validate", "--ckpt_path", folder, "--verification.store=true", "--raw_weights=true"]
    assert_refused("--verification.store and --raw_weights cannot be combined", capsys, *stored)
    assert_refused("--raw_weights says what --init_from takes", capsys, "fit", *SMALL, "--raw_weights=true")


def test_a_checkpoint_without_an_average_has_no_raw_weights_beside(run_copy, capsys):
    for command in ("test", "embed"):
        more = ["a.png", "--output", "a.npz", "--raw_weights"] if command == "embed" else ["--raw_weights=true"]
        save_face(1, 1, Path("a.png"))
        assert_refused("holds no average beside its weights", capsys, command, "--ckpt_path", run_copy, *more)
