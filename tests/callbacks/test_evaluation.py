import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from torch.nn.functional import cosine_similarity

from facerec.callbacks.accuracy import DevAccuracy
from facerec.callbacks.checkpoint import BestCheckpoint, share_done
from facerec.callbacks.evaluation import SetTable
from facerec.callbacks.figures import verification_figure
from facerec.callbacks.verification import ScoredSet, _pairs_among, calibrate
from facerec.metrics import error_rates_at
from facerec.metrics.scores import cosine_scores
from facerec.reports.curves import worst_pairs
from facerec.reports.summary import identify, summarise
from facerec.reports.tables import format_table, summary_table


class OneProcess:
    @staticmethod
    def all_gather(tensor):
        return tensor


def test_table_sorts_by_index_and_counts_an_image_once():
    table = SetTable()
    table.add(torch.tensor([3, 1]), torch.tensor([[3.0], [1.0]]))
    table.add(torch.tensor([0, 3, 2]), torch.tensor([[0.0], [3.0], [2.0]]))
    indices, rows = table.gather(OneProcess())
    assert indices.tolist() == [0, 1, 2, 3]
    assert rows.squeeze(1).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_dev_accuracy_is_logged_as_a_number():
    """Not as a tensor on the CPU, which NCCL cannot average."""
    logged = {}

    class Recognizer(OneProcess):
        @staticmethod
        def log(name, value, **options):
            logged[name] = (type(value), value)

    table = SetTable()
    table.add(torch.tensor([0, 1, 2, 3]), torch.tensor([1.0, 0.0, 1.0, 1.0]))
    DevAccuracy().measure(None, Recognizer(), "val", {"dev": table})
    assert logged == {"val/accuracy": (float, 0.75)}


def test_scores_are_the_cosines_in_float32():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(50, 8, generator=generator)
    pairs = np.random.default_rng(0).integers(0, 50, (200, 2))
    scores = cosine_scores(embeddings, pairs)
    assert scores.dtype == np.float32
    expected = cosine_similarity(embeddings[pairs[:, 0]].double(), embeddings[pairs[:, 1]].double())
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    np.testing.assert_allclose(cosine_scores(embeddings * 1000, pairs), scores, atol=1e-6)


def test_an_embedding_of_zero_scores_zero_not_nan():
    assert cosine_scores(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), np.array([[0, 1]])).tolist() == [0.0]


def test_pairs_of_a_limited_pass():
    pairs, kept = _pairs_among(np.array([1, 3, 4]), np.array([[1, 3], [0, 1], [4, 3], [3, 9]]))
    assert pairs.tolist() == [[0, 1], [2, 1]]
    assert kept.tolist() == [True, False, True, False]


def test_threshold_is_calibrated_on_all_sets_together():
    generator = np.random.default_rng(0)
    same = np.arange(400) < 200
    sets = {name: (generator.normal(same * 2.0 + shift, 1.0), same) for name, shift in (("a", 0.0), ("b", 0.5))}
    calibration = calibrate(sets)
    scores, labels = np.concatenate([s for s, _ in sets.values()]), np.concatenate([g for _, g in sets.values()])
    assert error_rates_at(scores, labels, calibration["threshold"]) == (calibration["far"], calibration["frr"])
    assert calibration["far"] == pytest.approx(calibration["frr"], abs=0.01)


def test_figure_draws_both_curves():
    same = np.arange(100) < 50
    figure = verification_figure(np.random.default_rng(0).normal(same * 1.0, 0.5), same, "val/x")
    left, right = figure.axes
    assert left.get_xscale() == "log"
    shown = {text.get_text() for text in right.get_legend().get_texts()}
    assert {"impostor (50)", "genuine (50)"} < shown
    figure.canvas.draw()


def test_table_of_text():
    assert format_table([("set", "EER"), ("lfw", "3.0%"), ("b", "12.0%")]).splitlines() == [
        "set    EER",
        "---  -----",
        "lfw   3.0%",
        "b    12.0%",
    ]


def test_checkpoint_settings():
    callback = BestCheckpoint()
    assert (callback.monitor, callback.mode, callback.save_last) == ("val/eer", "min", True)
    with pytest.raises(ValueError, match="candidates_after=1.0"):
        BestCheckpoint(candidates_after=1.0)


QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "limit_val_batches": 1,
}


class Measured(BoringModel):
    """Gives the monitored value at each validation."""

    def on_validation_epoch_end(self):
        self.log("val/eer", 0.3)


def steps_of(folder: Path) -> dict[str, int]:
    """The optimizer steps behind each checkpoint."""
    return {path.name: torch.load(path, weights_only=True)["global_step"] for path in folder.rglob("*.ckpt")}


def test_an_epoch_cut_off_before_its_validation_is_not_kept_on_the_value_of_another(tmp_path):
    """By max_steps here: the value at step 6 is that of step 4, which came too early for a candidate."""
    checkpoint = BestCheckpoint(candidates_after=0.7)
    Trainer(default_root_dir=tmp_path, max_steps=6, limit_train_batches=4, callbacks=[checkpoint], **QUIET).fit(
        Measured()
    )
    assert steps_of(tmp_path) == {"last.ckpt": 6}


def test_the_last_epochs_are_kept_though_no_validation_follows_them(tmp_path):
    settings = {"default_root_dir": tmp_path, "limit_train_batches": 2, "check_val_every_n_epoch": 2, **QUIET}
    Trainer(max_epochs=3, callbacks=[BestCheckpoint()], **settings).fit(Measured())
    assert steps_of(tmp_path) == {"best-epoch=001.ckpt": 4, "last.ckpt": 6}
    last = next(tmp_path.rglob("last.ckpt"))
    resumed = Trainer(max_epochs=5, callbacks=[BestCheckpoint()], **settings)
    resumed.fit(Measured(), ckpt_path=last)
    assert (resumed.current_epoch, resumed.global_step) == (5, 10)


def test_a_fast_development_run_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Trainer(fast_dev_run=True, callbacks=[BestCheckpoint()], **QUIET).fit(Measured())
    assert list(tmp_path.iterdir()) == []


def test_what_was_trained_is_kept_where_the_metric_turns_out_missing(tmp_path):
    checkpoint = BestCheckpoint(monitor="val/err")
    trainer = Trainer(default_root_dir=tmp_path, max_epochs=2, limit_train_batches=2, callbacks=[checkpoint], **QUIET)
    with pytest.raises(MisconfigurationException, match="could not find the monitored key"):
        trainer.fit(Measured())
    assert steps_of(tmp_path) == {"last.ckpt": 2}


@pytest.mark.parametrize(
    ("max_epochs", "max_steps", "share"), [(10, -1, 0.3), (-1, 100, 0.5), (10, 100, 0.5), (4, 100, 0.75), (-1, -1, 1.0)]
)
def test_the_share_that_is_over_is_of_what_ends_first(max_epochs, max_steps, share):
    trainer = SimpleNamespace(max_epochs=max_epochs, max_steps=max_steps, current_epoch=2, global_step=50)
    assert share_done(trainer) == share


@pytest.mark.parametrize(("after", "kept"), [(0.0, "best-epoch=000.ckpt"), (0.5, "best-epoch=003.ckpt")])
def test_an_early_epoch_is_no_candidate(tmp_path, after, kept):
    class Lucky(BoringModel):
        def on_validation_epoch_end(self):
            self.log("val/eer", (0.1, 0.4, 0.2, 0.3, 0.5, 0.6)[self.current_epoch])

    checkpoint = BestCheckpoint(candidates_after=after)
    trainer = Trainer(default_root_dir=tmp_path, max_epochs=6, limit_train_batches=1, callbacks=[checkpoint], **QUIET)
    trainer.fit(Lucky())
    assert Path(checkpoint.best_model_path).name == kept
    assert torch.load(checkpoint.last_model_path, weights_only=True)["epoch"] == 5  # not one of the best, and the last


def scored_set():
    return ScoredSet(
        np.array([0.9, 0.2, 0.8, 0.1, 0.6], dtype=np.float32),
        np.array([True, True, False, False, False]),
        np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]),
        None,
        np.array([0, 1, 2, 5]),
        torch.zeros(4, 2),
        None,
    )


def test_worst_pairs_are_those_farthest_on_the_wrong_side():
    assert worst_pairs(scored_set(), 0.5, genuine=False).tolist() == [2, 4]
    assert worst_pairs(scored_set(), 0.5, genuine=False, count=1).tolist() == [2]
    assert worst_pairs(scored_set(), 0.5, genuine=True).tolist() == [1]


def test_the_table_has_a_column_for_each_set_and_says_what_is_not_supported():
    generator = np.random.default_rng(0)
    same = np.arange(300) < 100
    scores = generator.normal(same * 2.0, 1.0)
    folds = np.arange(300) % 10
    with_folds = summarise(scores, same, folds_P=folds, fars=(0.1, 0.001), resamples=20)
    plain = summarise(scores, same, fars=(0.1, 0.001), resamples=20)
    table = summary_table({"a": with_folds, "b": plain})
    rows = {cells[0]: cells for cells in (re.split(r" {2,}", line.strip()) for line in table.split("\n"))}
    assert "too few impostors (200)" in summary_table({"a": plain})
    assert {"EER", "AUC", "accuracy, 10 folds", "TAR at FAR 0.1", "95% by person"} <= set(rows)
    assert rows["accuracy, 10 folds"][-1] == "-"
    assert json.dumps(with_folds.to_json(), allow_nan=False)
    assert with_folds.to_json()["tar_at_far"][1]["tar"] is None


def test_identification_says_that_it_goes_by_the_cosine():
    generator = torch.Generator().manual_seed(0)
    found, missing = identify(torch.randn(20, 8, generator=generator), np.arange(20) // 2)
    scores = np.random.default_rng(0).normal(size=20)
    plain = summarise(scores, np.arange(20) % 2 == 0, resamples=20)
    summary = replace(plain, identification=found, no_identification=missing)
    assert summary.to_json()["identification"]["score"] == "cosine"
    assert "cosine" not in summary_table({"a": summary}, "cosine")
    table = summary_table({"a": summary}, "euclidean")
    assert all(label in table for label in ("rank 1 (cosine)", "TPIR at FPIR 0.1 (cosine)"))
    assert "identification (cosine)" in summary_table({"a": plain}, "cosine as-norm")
