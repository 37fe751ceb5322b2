"""Optimizers of torch and timm, accumulation, clipping and schedules in real small trainings."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.cli import instantiate_module

from facerec.backbones import ResNet
from facerec.losses import ArcFace
from facerec.optim import Constant, Plateau, WarmupCosine
from facerec.recognizer import FaceRecognizer
from tests.callbacks.conftest import orl_faces, quiet_trainer

OPTIMIZERS = {
    "torch.optim.SGD": {"momentum": 0.9, "nesterov": True},
    "torch.optim.Adam": {},
    "torch.optim.AdamW": {"betas": [0.9, 0.95]},
    "torch.optim.RMSprop": {"momentum": 0.9},
    "timm.optim.Lamb": {},
    "timm.optim.Lion": {},
    "timm.optim.NAdamW": {},
    "timm.optim.Adan": {},
    "timm.optim.Muon": {},
}
BACKBONE = {"class_path": "facerec.backbones.ResNet", "init_args": {"depth": 18, "embedding_dim": 16, "width": 4}}


class Steps(Callback):
    """Notes the learning rates of each step, and how far each group moves by it."""

    def __init__(self):
        self.rates, self.moved, self.before = [], [], None

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.rates.append({group["name"]: group["lr"] for group in optimizer.param_groups})
        self.before = [[weight.detach().clone() for weight in group["params"]] for group in optimizer.param_groups]

    def on_train_batch_end(self, trainer, *_):
        if self.before is not None:
            groups = trainer.optimizers[0].param_groups
            self.moved.append(
                {group["name"]: distance(group, old) for group, old in zip(groups, self.before, strict=True)}
            )
        self.before = None


def distance(group, before):
    changes = [(new.detach() - old).flatten() for new, old in zip(group["params"], before, strict=True)]
    return torch.cat(changes).norm()


def trained(model, **settings):
    steps = Steps()
    data = orl_faces()
    data.batch_size = 32  # 6 batches an epoch
    quiet_trainer(steps, limit_val_batches=0, accelerator="cpu", **settings).fit(model, datamodule=data)
    return steps


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_named_in_yaml_trains_every_group(name):
    torch.manual_seed(0)
    settings = {
        "backbone": BACKBONE,
        "loss": {"class_path": "ArcFace", "init_args": {"scale": 16.0}},
        "optimizer": {"class_path": name, "init_args": {"lr": 0.01, "weight_decay": 0.05, **OPTIMIZERS[name]}},
        "schedule": {"class_path": "OneCycle"},
        "lr_factors": {"stem": 0.5, "loss": 2.0},
        "num_classes": 24,
        "image_size": [32, 32],
    }
    model = instantiate_module(FaceRecognizer, settings)
    steps = trained(model, max_steps=4)
    [optimizer] = model.trainer.optimizers
    assert f"{type(optimizer).__module__}.".startswith(name.rpartition(".")[0])
    assert len(steps.rates) == 4
    for rates in steps.rates:
        assert rates["stem"] == pytest.approx(0.5 * rates["head"])
        assert rates["loss"] == pytest.approx(2.0 * rates["head"])
    decays = {group["name"]: group["weight_decay"] for group in optimizer.param_groups}
    assert {decays[name] for name in decays if name.endswith("_no_decay")} == {0.0}
    assert decays["stem"] == decays["loss"] == 0.05
    assert all(moved > 0.0 for moved in steps.moved[2].values())  # a branch that starts at zero takes some steps
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


def recognizer(optimizer, schedule):
    torch.manual_seed(0)
    return FaceRecognizer(
        ResNet(18, 16, 4), ArcFace(16.0), optimizer, num_classes=24, schedule=schedule, image_size=(32, 32)
    )


def test_accumulated_and_clipped_steps_follow_the_schedule():
    """Plain gradient descent on a clipped gradient moves the weights by learning rate times the limit."""
    model = recognizer(partial(torch.optim.SGD, lr=0.1), Constant(warmup=0.5))
    steps = trained(model, max_epochs=2, accumulate_grad_batches=3, gradient_clip_val=0.01)
    assert [step["backbone"] for step in steps.rates] == [0.05, 0.1, 0.1, 0.1]  # 6 batches an epoch, 2 steps
    moved = [torch.stack(list(step.values())).norm().item() for step in steps.moved]
    assert moved == pytest.approx([0.01 * step["backbone"] for step in steps.rates], rel=1e-3)


def test_batches_left_over_at_the_end_of_an_epoch_are_a_step_of_the_schedule():
    model = recognizer(partial(torch.optim.SGD, lr=0.1), WarmupCosine(warmup=0.0))
    steps = trained(model, max_epochs=2, accumulate_grad_batches=4)
    factors = [WarmupCosine(warmup=0.0).factor(step, 4) for step in range(4)]
    assert [step["backbone"] for step in steps.rates] == pytest.approx([0.1 * factor for factor in factors])
    assert model.trainer.optimizers[0].param_groups[0]["lr"] == 0.0


def test_python_takes_a_schedule_as_an_object_and_leaves_it_out_of_the_checkpoint(tmp_path):
    model = recognizer(partial(torch.optim.SGD, lr=0.1), Plateau())
    assert "schedule" not in model.hparams
    with pytest.raises(ValueError, match=r"trainer\.limit_val_batches=0 validates nothing"):
        trained(model)


def test_a_plateau_with_a_trainer_that_measures_something_else_says_what_is_measured():
    model = recognizer(partial(torch.optim.SGD, lr=0.1), Plateau())
    trainer = quiet_trainer(accelerator="cpu")  # without the callbacks that measure
    with pytest.raises(ValueError, match=r"model\.schedule\.monitor=val/eer: the validation gives nothing"):
        trainer.fit(model, datamodule=orl_faces())
