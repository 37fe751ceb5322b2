"""The recognizer's own checks, in Python."""

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.precision import MixedPrecision
from torch.nn.parallel import DistributedDataParallel

from facerec.align import Alignment
from facerec.backbones import Backbone, EmbeddingHead, IResNet, ResNet, TimmBackbone
from facerec.checkpoints import ModelCard
from facerec.data import FaceDataModule, ORLImages
from facerec.losses import ArcFace, Center, Joint, Softmax
from facerec.optim import WarmupCosine
from facerec.recognizer import FaceRecognizer


def recognizer(backbone: Backbone, image_size: tuple[int, int]) -> FaceRecognizer:
    return FaceRecognizer(backbone, Softmax(), partial(torch.optim.SGD, lr=0.1), num_classes=4, image_size=image_size)


@pytest.mark.parametrize(
    ("make", "takes"),
    [
        (lambda: IResNet(18, 16, width=4), (32, 64)),
        (lambda: ResNet(18, 16, width=4, head=EmbeddingHead("depthwise")), (32, 64)),
        (lambda: TimmBackbone("test_vit", 16), (32, 64)),
        (lambda: ResNet(18, 16, width=4), None),
    ],
)
def test_a_backbone_is_built_for_the_image_size(make, takes):
    model = recognizer(make(), (32, 64)).eval()
    assert model(torch.zeros(2, 3, 50, 50, dtype=torch.uint8)).shape == (2, 16)
    assert model.backbone.image_size == takes


def test_a_backbone_built_for_another_image_size_is_refused_before_the_first_batch():
    backbone = IResNet(18, 16, width=4)
    backbone.build((64, 32))
    message = r"IResNet was built for images of 64x32 and takes no others: set model.image_size to \[64, 32\]"
    with pytest.raises(ValueError, match=message):
        recognizer(backbone, (32, 64))


def test_max_params_counts_the_head_for_the_image_size():
    settings = {"num_classes": 4, "image_size": (64, 64), "max_params": 200_000}
    FaceRecognizer(IResNet(18, 16, width=4), Softmax(), partial(torch.optim.SGD, lr=0.1), **settings)
    with pytest.raises(ValueError, match="max_params=200,000: IResNet has"):
        FaceRecognizer(
            IResNet(18, 16, width=4),
            Softmax(),
            partial(torch.optim.SGD, lr=0.1),
            **settings | {"image_size": (512, 512)},
        )


THRESHOLD = {"threshold": 0.4, "far": 0.1, "frr": 0.1, "method": "eer", "score": "cosine"}


def kept(model: FaceRecognizer, step: int) -> ModelCard:
    """The card of a checkpoint at this step of the training."""
    checkpoint: dict = {"global_step": step}
    model.on_save_checkpoint(checkpoint)
    return ModelCard.from_checkpoint(checkpoint)


def stored(**settings: object) -> dict:
    """A checkpoint of step 7 with a threshold."""
    checkpoint = {"global_step": 7, "hyper_parameters": settings}
    card = ModelCard(("ada", "ben"), THRESHOLD, Alignment("mtcnn", "", "112x112"), 7, "data: {root: old}")
    card.put_into(checkpoint)
    return checkpoint


@pytest.mark.parametrize("doing", ["fit", "test"])
def test_a_threshold_is_kept_with_the_weights_it_was_measured_on(doing):
    """A resumed training keeps what it loaded until it takes a step; an evaluation takes none, whatever it counts."""
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    assert kept(model, 7).calibration is None
    model._trainer = SimpleNamespace(state=SimpleNamespace(fn=doing), precision_plugin=None)
    model.on_load_checkpoint(stored())
    assert kept(model, 7).calibration == THRESHOLD
    if doing == "test":
        assert kept(model, 8).calibration == THRESHOLD
    else:
        model.optimizer_step(0, 0, torch.optim.SGD(model.parameters(), lr=0.1), lambda: None)
        assert kept(model, 8).calibration is None


def test_a_threshold_of_other_views_is_not_taken():
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    model.on_load_checkpoint(stored(flip_test="sum"))
    assert model.calibration is None
    model.on_load_checkpoint(stored(flip_test=False))
    assert model.calibration == THRESHOLD


def test_a_resumed_training_has_the_alignment_and_the_configuration_of_its_own_data():
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    model._trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), global_step=0)
    own = Alignment("yunet", "", "112x112")
    model._trainer.datamodule = SimpleNamespace(identities=["ada", "ben"], alignment=own)
    model.setup("fit")
    model.card = replace(model.card, configuration="data: {root: new}")
    model.on_load_checkpoint(stored())
    assert kept(model, 7) == ModelCard(("ada", "ben"), THRESHOLD, own, 7, "data: {root: new}")
    assert (model.identities, model.steps_taken) == (["ada", "ben"], 7)
    model._trainer.state.fn = "test"
    model.on_load_checkpoint(stored())
    assert kept(model, 0) == ModelCard.from_checkpoint(stored())


def test_a_training_does_not_go_on_with_other_people_though_they_are_as_many():
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    model._trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), global_step=0)
    model._trainer.datamodule = SimpleNamespace(identities=["ada", "dan"], alignment=None)
    model.setup("fit")
    with pytest.raises(ValueError, match="class 1 is 'ben' in it and 'dan' in the data"):
        model.on_load_checkpoint(stored())


def test_a_new_training_forgets_the_configuration_of_the_old_one():
    """A model that is loaded in Python and trained on: the old run's folders are not its own."""
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    model.on_load_checkpoint(stored())
    assert model.card.configuration == "data: {root: old}"
    model._trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), datamodule=None)
    model.setup("fit")
    assert model.card.configuration is None


@pytest.mark.parametrize("setting", [{"loss_lr_factor": 0.0}, {"loss_lr_factor": float("nan")}, {"flip_test": "mean"}])
def test_a_bad_setting_is_named(setting):
    [(name, value)] = setting.items()
    with pytest.raises(ValueError, match=rf"model\.{name}={value!r}"):
        FaceRecognizer(ResNet(18, 16, width=4), Softmax(), torch.optim.SGD, 4, image_size=(32, 64), **setting)


def test_building_in_python_warns_of_nothing(recwarn):
    recognizer(ResNet(18, 16, width=4), (32, 64))
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize(("accumulated", "steps", "logged"), [(1, 20, [4, 9, 14, 19]), (2, 12, [4, 9])])
def test_the_logger_gets_every_nth_step_and_few_others_cost_anything(accumulated, steps, logged, tmp_path):
    class Counting(FaceRecognizer):
        calls = 0

        def log(self, name: str, *args, **kwargs):
            self.calls += name == "train/loss"
            super().log(name, *args, **kwargs)

    data = FaceDataModule(train=ORLImages("train"), batch_size=12 * accumulated, image_size=(32, 32), num_workers=0)
    backbone = ResNet(18, 16, width=4)
    model = Counting(backbone, Softmax(), partial(torch.optim.SGD, lr=0.1), num_classes=24, image_size=(32, 32))
    logger = CSVLogger(tmp_path)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = Trainer(
        max_steps=steps,
        accumulate_grad_batches=accumulated,
        log_every_n_steps=5,
        logger=logger,
        accelerator="cpu",
        limit_val_batches=0,
        **quiet,
    )
    trainer.fit(model, data)
    rows = csv.DictReader(Path(logger.log_dir, "metrics.csv").read_text().splitlines())
    assert [int(row["step"]) for row in rows if row["train/loss"]] == logged
    assert "train/loss" in trainer.callback_metrics
    assert model.calls < 10


def test_a_step_that_the_scaler_skips_is_not_counted():
    """With ``16-mixed`` the scale begins too high: here at 2^24, so the first gradients overflow."""

    class Noting(Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            moved = not torch.equal(pl_module.backbone.stem[0].weight, self.before)
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            self.seen.append((moved, int(pl_module.loss.steps), rate))

        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            self.before = pl_module.backbone.stem[0].weight.detach().clone()

    data = FaceDataModule(train=ORLImages("train"), batch_size=24, image_size=(32, 32), num_workers=0)
    loss = ArcFace(scale=8.0, angular_margin=0.2, margin_warmup=10)
    settings = {"num_classes": 24, "image_size": (32, 32), "schedule": WarmupCosine(warmup=0.0)}
    model = FaceRecognizer(ResNet(18, 16, width=4), loss, partial(torch.optim.SGD, lr=0.1), **settings)
    noting = Noting()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24)
    trainer = Trainer(
        max_steps=40,
        plugins=[MixedPrecision("16-mixed", "cpu", scaler)],
        callbacks=[noting],
        accelerator="cpu",
        limit_val_batches=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(model, data)
    counted, rate = 0, 0.1
    for moved, steps, new_rate in noting.seen:
        counted += moved
        assert steps == counted
        assert (new_rate != rate) == moved
        rate = new_rate
    assert 0 < counted < len(noting.seen)


def test_centres_do_not_travel_between_processes_in_each_step(tmp_path):
    """Every process computes them from the whole batch. The running statistics of the backbone do travel."""
    model = FaceRecognizer(
        ResNet(18, 16, width=4), Joint({"a": ArcFace(), "c": Center()}), torch.optim.SGD, 4, image_size=(32, 32)
    )
    model._trainer = SimpleNamespace(datamodule=None, limit_val_batches=0)
    model.setup("fit")
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        wrapped = DistributedDataParallel(model)
    finally:
        torch.distributed.destroy_process_group()
    travelling = {id(buffer) for buffer in wrapped.modules_buffers}
    stays = {name for name, buffer in model.named_buffers() if id(buffer) not in travelling}
    assert "loss.losses.c.centers" in stays
    assert {name for name in stays if not name.startswith("loss.")} == set()


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch of before 2.9")
@pytest.mark.parametrize("tf32", [False, True])
def test_a_training_computes_in_the_float32_that_its_setting_says(tf32):
    model = recognizer(ResNet(18, 16, width=4), (32, 32))
    model.tf32 = tf32
    model._trainer = SimpleNamespace(log_every_n_steps=0, global_step=1, num_training_batches=9)
    seen = []
    before = torch.backends.cudnn.conv.fp32_precision
    model.backbone.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.conv.fp32_precision))
    model.backbone.stem.register_full_backward_hook(lambda *_: seen.append(torch.backends.cuda.matmul.fp32_precision))
    loss = model.training_step(SimpleNamespace(images=torch.rand(4, 3, 32, 32), labels=torch.arange(4)), 1)
    model.backward(loss)
    assert seen == ["tf32" if tf32 else "ieee"] * 2
    assert torch.backends.cudnn.conv.fp32_precision == before
    seen.clear()
    model.eval().embed(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert seen == ["ieee"]
