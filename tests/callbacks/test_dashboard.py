"""What a training shows beside its curves, read back from its event files."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.plugins.custom_scalar import layout_pb2, metadata

from facerec.callbacks import Dashboard, DevAccuracy, Report, StepSeed, Verification, VerificationFigures, WeightAverage
from facerec.callbacks.figure_loggers import takes_figures
from facerec.callbacks.training_images import _caption, training_figure
from facerec.data.batches import Batch
from facerec.losses import ArcFace, Joint, Triplet
from tests.callbacks.conftest import orl_faces, quiet_trainer
from tests.callbacks.test_figures import images
from tests.cli.conftest import events, run

OF_FACES = {"train/images", "val/confused_faces", "val/orl/false_accepts", "val/orl/false_rejects"}
OF_NUMBERS = {"val/orl", "val/orl/det", "val/orl/cmc", "val/confused_people"}


def fit(recognizer, dashboard: Dashboard, folder: Path, *more, **settings) -> Path:
    """A short training; returns the folder of its log."""
    logger = TensorBoardLogger(folder)
    callbacks = [StepSeed(), DevAccuracy(), Verification(), *more, VerificationFigures(), dashboard]
    short = {"max_epochs": 2, "limit_train_batches": 1, **settings}
    quiet_trainer(*callbacks, logger=logger, **short).fit(recognizer, orl_faces())
    return Path(logger.log_dir)


def charts(folder: Path) -> dict[str, list[str]]:
    """Regular expressions of each chart of the one layout of a run, as TensorBoard finds them."""
    [event] = events(folder).Tensors(metadata.CONFIG_SUMMARY_TAG)
    layout = layout_pb2.Layout.FromString(event.tensor_proto.string_val[0])
    return {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}


def test_a_run_shows_its_first_batch_and_at_the_end_where_it_fails(recognizer, tmp_path):
    folder = fit(recognizer, Dashboard(), tmp_path)
    steps = images(folder)
    assert steps.keys() == OF_FACES | OF_NUMBERS
    assert steps.pop("train/images") == [0]
    assert steps.pop("val/orl") == [0, 1]
    assert set(map(tuple, steps.values())) == {(1,)}
    assert (folder / "projector" / "orl" / "faces.png").is_file()


def test_one_setting_leaves_out_all_faces(recognizer, tmp_path):
    folder = fit(recognizer, Dashboard(faces=False), tmp_path)
    assert images(folder).keys() == OF_NUMBERS
    assert (folder / "projector_config.pbtxt").is_file()
    assert not list(folder.rglob("*.png"))


def test_a_report_leaves_them_out_too(recognizer, tmp_path):
    logger = TensorBoardLogger(tmp_path)
    trainer = quiet_trainer(Verification(), Report(), Dashboard(faces=False), logger=logger)
    trainer.test(recognizer, orl_faces(), verbose=False)
    kinds = {"roc", "det", "cmc"}
    assert images(Path(logger.log_dir)).keys() == {f"verdict/test/orl/{kind}" for kind in kinds}
    assert {path.stem for path in Path(logger.log_dir).rglob("*.png")} == {f"orl_{kind}" for kind in kinds}


def test_the_end_is_of_what_the_checkpoint_offers(recognizer, tmp_path):
    folder = fit(recognizer, Dashboard(), tmp_path, WeightAverage("ema", decay=0.5))
    assert {"val/orl", "val_ema/orl/roc", "val_ema/orl/det", "val_ema/confused_people"} <= images(folder).keys()
    assert "val/orl/det" not in images(folder)


def test_every_chart_of_a_run_has_a_curve(orl_run):
    logged = events(orl_run).Tags()["scalars"]
    found = charts(orl_run)
    assert {"EER: orl", "cosine: own person, nearest other", "images a second"} <= found.keys()
    for title, patterns in found.items():
        for pattern in patterns:
            assert [name for name in logged if re.match(pattern, name)], f"{title}: nothing is called {pattern}"


def test_a_chart_has_the_average_beside_the_raw_weights_and_a_sum_its_parts():
    from facerec.callbacks.scalar_layout import scalar_layout

    layout = scalar_layout(["lfw", "a.b"], Joint({"ce": ArcFace(scale=16.0), "pairs": Triplet()}))
    logged = [
        "val/lfw/eer",
        "val_ema/lfw/eer",
        "val_swa/lfw/eer",
        "val/a.b/eer",
        "val/aXb/eer",
        "val/eer",
        "val_ema/eer",
    ]
    logged += ["train/ce/loss", "train/pairs/loss", "train/loss", "train/ce/own_cosine", "train/other_cosine"]

    def shown(category: str, title: str) -> list[str]:
        _, patterns = layout[category][title]
        return [name for name in logged if any(re.match(pattern, name) for pattern in patterns)]

    unseen = "People it has never seen"
    assert shown(unseen, "EER: lfw") == ["val/lfw/eer", "val_ema/lfw/eer", "val_swa/lfw/eer"]
    assert shown(unseen, "EER: a.b") == ["val/a.b/eer"]
    assert shown(unseen, "EER: mean of the sets") == ["val/eer", "val_ema/eer"]
    assert shown("Training people", "loss of each part") == ["train/ce/loss", "train/pairs/loss"]
    cosines = shown("Training people", "cosine: own person, nearest other")
    assert cosines == ["train/ce/own_cosine", "train/other_cosine"]


def test_a_resumed_run_shows_nothing_twice(run_copy):
    assert run("fit", "--ckpt_path", run_copy, "--trainer.max_epochs=3") == 0
    assert charts(run_copy).keys() >= {"EER: orl"}  # of one layout
    steps = images(run_copy)
    assert steps["train/images"] == [0]
    assert steps["val/orl"] == [event.step for event in events(run_copy).Scalars("val/eer")]
    assert steps["val/orl/det"] == steps["val/orl"][1:]  # of the end of each training
    assert (run_copy / "projector_config.pbtxt").read_text().count("embeddings {") == 1


def test_what_is_shown_changes_nothing_in_the_training(recognizer, orl_run, tmp_path):
    before = {name: value.clone() for name, value in recognizer.state_dict().items()}
    weights = []
    for shown in (True, False):
        recognizer.load_state_dict(before)
        if shown:
            fit(recognizer, Dashboard(), tmp_path)
        else:
            trainer = quiet_trainer(StepSeed(), max_epochs=2, limit_train_batches=1)
            trainer.fit(recognizer, orl_faces())
        weights.append([value.clone() for value in recognizer.state_dict().values()])
    assert all(torch.equal(*pair) for pair in zip(*weights, strict=True))


@pytest.mark.parametrize("logger", [None, CSVLogger])
def test_without_a_logger_of_figures_nothing_is_drawn(logger, recognizer, tmp_path, monkeypatch):
    for drawn in ("training_figure", "evaluation_figures", "summarise", "frequent_confusions", "write_projector"):
        monkeypatch.setattr(f"facerec.callbacks.dashboard.{drawn}", None)
    callbacks = [DevAccuracy(), Verification(), Dashboard()]
    settings = {"logger": logger(tmp_path) if logger else False, "limit_train_batches": 1}
    quiet_trainer(*callbacks, **settings).fit(recognizer, orl_faces())


def test_one_process_draws(tmp_path):
    loggers = [TensorBoardLogger(tmp_path)]
    found = [takes_figures(SimpleNamespace(loggers=loggers, is_global_zero=first)) for first in (True, False)]
    assert found == [True, False]


def test_the_first_batch_is_what_the_network_gets(recognizer):
    people = [f"person {person}" for person in range(24)]
    recognizer.card = SimpleNamespace(identities=people)
    pixels = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    figure = training_figure(recognizer, Batch(pixels, torch.arange(40) % 24, torch.arange(40)))
    [axes] = figure.axes
    assert [text.get_text() for text in axes.texts] == [people[place % 24] for place in range(32)]
    [picture] = [np.asarray(image.get_array()) for image in axes.images]
    shown = picture[18 : 18 + 96, 8 + 96 : 2 * 96 + 8]  # the second of a row, three times as large
    expected = (pixels[1] * 255.0).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.abs(shown[::3, ::3].astype(int) - expected).max() <= 1  # there and back again in float32


def test_a_mixture_names_two_people():
    people = ["Ann", "Bob", "Eve"]
    assert _caption(torch.tensor([0.3, 0.0, 0.7]), people) == "70% Eve + 30% Ann"
    assert _caption(torch.tensor([0.0, 1.0, 0.0]), people) == "100% Bob"
    assert _caption(torch.tensor(1), people) == "Bob"
