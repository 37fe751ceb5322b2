"""`facerec fit` with losses named in YAML: sums in three lines, what they log, and their checkpoints."""

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.cli import main
from facerec.losses import Joint, Ramp
from facerec.recognizer import FaceRecognizer
from tests.conftest import SMALL

DEFAULT = Path(__file__).parents[2] / "experiments" / "orl_resnet18_arcface.yaml"
CE_TRIPLET = """
  loss:
    class_path: Joint
    init_args: {losses: {ce: Softmax, triplet: Triplet}, weights: {triplet: {start: 0.0, end: 0.5, steps: 6}}}
"""
CE_CENTER = """
  loss:
    class_path: Joint
    init_args: {losses: {ce: Softmax, center: Center}, weights: {center: 0.01}}
"""
ARCFACE_SUPCON = """
  loss:
    class_path: Joint
    init_args: {losses: {arc: {class_path: ArcFace, init_args: {scale: 16.0}}, supcon: SupCon}, weights: {supcon: 0.2}}
"""
UCE = "{class_path: UCE, init_args: {scale: 16.0, negative_share: 0.8, synthesis: {alpha: 1.0}}}"
MLP = "{class_path: Softmax, init_args: {hidden_dim: 24, dropout: 0.2}}"
UCE_MLP = f"""
  loss:
    class_path: Joint
    init_args: {{losses: {{uce: {UCE}, mlp: {MLP}}}}}
"""
TRIPLET = """
  loss: {class_path: Triplet, init_args: {strategy: semi_hard}}
"""


def fit(loss: str, *arguments: str) -> tuple[FaceRecognizer, EventAccumulator, dict]:
    """Train for an epoch on ORL with this loss; the model of its last checkpoint, its scalars and the checkpoint."""
    lines = DEFAULT.read_text().splitlines()
    text = "\n".join(loss.strip("\n") if line.startswith("  loss:") else line for line in lines)
    Path("joined.yaml").write_text(text)
    small = ["--trainer.max_epochs=1", "--trainer.log_every_n_steps=1", *arguments]
    main(["fit", "--config", "joined.yaml", *SMALL, *small])
    run = Path("runs", "joined", "version_0")
    path = run / "checkpoints" / "last.ckpt"
    scalars = EventAccumulator(str(run))
    scalars.Reload()
    model = FaceRecognizer.load_from_checkpoint(path, map_location="cpu")
    return model, scalars, torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("loss", "logged", "saved"),
    [
        (CE_TRIPLET, "triplet/active_fraction", "losses.ce.weight"),
        (CE_CENTER, "center/center_distance", "losses.center.centers"),
        (ARCFACE_SUPCON, "supcon/anchors_without_positive", "losses.arc.weight"),
        (UCE_MLP, "uce/threshold", "losses.mlp.hidden.weight"),
    ],
    ids=["ce-triplet", "ce-center", "arcface-supcon", "uce-mlp"],
)
def test_a_sum_of_losses_is_three_lines_of_yaml(loss, logged, saved, tmp_path, monkeypatch):
    assert len(loss.strip().splitlines()) == 3
    monkeypatch.chdir(tmp_path)
    model, scalars, checkpoint = fit(loss, "--data.images_per_person=4", "--data.batch_size=32")
    assert {f"train/{logged}", "train/loss", "val/accuracy"} <= set(scalars.Tags()["scalars"])
    assert isinstance(model.loss, Joint)
    for name, value in checkpoint["state_dict"].items():
        torch.testing.assert_close(model.state_dict()[name], value)
    assert checkpoint["state_dict"][f"loss.{saved}"].abs().sum() > 0
    assert model.loss.steps.item() == 6  # 192 images in batches of 32
    if loss == CE_TRIPLET:
        assert model.loss.weights["triplet"] == Ramp(0.0, 0.5, 6)
        weights = [event.value for event in scalars.Scalars("train/triplet/weight")]
        assert weights == pytest.approx([0.5 * step / 6 for step in range(6)])


@pytest.mark.parametrize("averaged", [[], ["--average.kind=ema", "--average.decay=0.8"]], ids=["", "averaged"])
def test_a_loss_without_class_weights_gives_dev_accuracy_by_class_means(averaged, tmp_path, monkeypatch):
    """Means and images embedded by the same weights: the averaged ones, which the checkpoint holds, where they are."""
    monkeypatch.chdir(tmp_path)
    model, scalars, _ = fit(TRIPLET, "--data.images_per_person=4", "--data.batch_size=32", *averaged)
    tags = set(scalars.Tags()["scalars"])
    assert "val/accuracy_nearest_mean" in tags
    assert "val/accuracy" not in tags
    assert {"train/active_fraction", "train/genuine_distance", "train/impostor_distance"} <= tags
    offered = "val_ema" if averaged else "val"
    assert scalars.Scalars(f"{offered}/accuracy_nearest_mean")[0].value == pytest.approx(by_hand(model.eval()))


def by_hand(model: FaceRecognizer) -> float:
    """Share of the dev images of ORL nearest to the mean of their person's eight training images."""
    from facerec.data.formats.orl import ORLImages

    def embed(source):
        with torch.no_grad():
            rows = [model.embed(source.read(index)[None])[0] for index in range(len(source))]
        return torch.nn.functional.normalize(torch.stack(rows)), torch.as_tensor(source.labels)

    unit, labels = embed(ORLImages("train"))
    means = torch.stack([unit[labels == person].mean(0) for person in range(24)])
    dev, dev_labels = embed(ORLImages("dev"))
    nearest = torch.nn.functional.cosine_similarity(dev[:, None], means, dim=2).argmax(1)
    return (nearest == dev_labels).float().mean().item()


def test_a_ramp_counts_optimizer_steps_and_goes_on_after_a_resume(tmp_path, monkeypatch):
    """Two batches a step: 3 steps an epoch, whatever is validated between them."""
    monkeypatch.chdir(tmp_path)
    accumulated = ["--data.images_per_person=4", "--data.batch_size=32", "--trainer.accumulate_grad_batches=2"]
    model, scalars, checkpoint = fit(CE_TRIPLET, *accumulated)
    assert model.loss.steps.item() == checkpoint["global_step"] == 3
    weights = [event.value for event in scalars.Scalars("train/triplet/weight")]
    assert weights == pytest.approx([0.5 * step / 6 for step in range(3)])
    last = "runs/joined/version_0/checkpoints/last.ckpt"
    main(["fit", "--ckpt_path", last, "--trainer.max_epochs=2"])
    run = Path("runs", "joined", "version_0")
    scalars = EventAccumulator(str(run))
    scalars.Reload()
    weights = [event.value for event in scalars.Scalars("train/triplet/weight")]
    assert weights == pytest.approx([0.5 * step / 6 for step in range(6)])
    resumed = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert resumed["state_dict"]["loss.steps"].item() == resumed["global_step"] == 6


def test_two_views_train(tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    _, scalars, _ = fit(ARCFACE_SUPCON, "--data.views=2", "--data.batch_size=32")
    alone = [event.value for event in scalars.Scalars("train/supcon/anchors_without_positive")]
    assert alone == [0.0] * len(alone)  # every image has its other view
    assert not [warning for warning in recwarn if "learns from" in str(warning.message)]
