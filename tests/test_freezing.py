"""``model.freeze`` on real faces: what is frozen stays bit for bit, and trains after the thaw."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from facerec.backbones import ConvNeXt, MobileFaceNet, ResNet, TimmBackbone
from facerec.backbones.freezing import Freeze, FrozenParts
from facerec.losses import ArcFace, Triplet
from facerec.recognizer import FaceRecognizer
from tests.callbacks.conftest import orl_faces, quiet_trainer

State = dict[str, torch.Tensor]
OPTIMIZERS = {
    "sgd": partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adamw": partial(torch.optim.AdamW, lr=1e-3, weight_decay=0.1),
}


class NoteEpochs(Callback):
    """Keeps all weights and statistics at the start and at the end of each epoch."""

    def __init__(self) -> None:
        self.states: list[State] = []

    def on_train_start(self, trainer, pl_module):
        self.states.append(copy_of(pl_module))

    def on_train_epoch_end(self, trainer, pl_module):
        self.states.append(copy_of(pl_module))


def copy_of(module: nn.Module) -> State:
    return {name: value.clone() for name, value in module.state_dict().items()}


def recognizer(freeze: Freeze | None, optimizer: Callable = OPTIMIZERS["sgd"]) -> FaceRecognizer:
    torch.manual_seed(0)
    backbone = ResNet(18, embedding_dim=16, width=4)
    return FaceRecognizer(backbone, ArcFace(16.0), optimizer, num_classes=24, image_size=(32, 32), freeze=freeze)


def train(model: FaceRecognizer, epochs: int, *callbacks: Callback, **settings: object) -> list[State]:
    noted = NoteEpochs()
    quiet_trainer(noted, *callbacks, max_epochs=epochs, **settings).fit(model, datamodule=orl_faces())
    return noted.states


def changed(before: State, after: State) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def is_early(name: str) -> bool:
    """Whether a name is of the stem or the first three stages."""
    return name.startswith(("backbone.stem.", "backbone.stages.0.", "backbone.stages.1.", "backbone.stages.2."))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_frozen_weights_and_statistics_stay_bit_for_bit_until_the_thaw(optimizer):
    model = recognizer(Freeze("stage3", thaw_epoch=2), OPTIMIZERS[optimizer])
    start, first, second, _, fourth = train(model, 4, accumulate_grad_batches=2, gradient_clip_val=1.0)
    names = set(start)
    assert {name for name in names if is_early(name) and "running_var" in name}
    assert changed(first, second) == {name for name in names if not is_early(name)}
    assert changed(start, first) <= changed(first, second)  # a branch that starts at zero takes some steps to move
    assert {"backbone.head.linear.weight", "backbone.head.norm.running_mean", "loss.weight"} <= changed(start, first)
    assert changed(second, fourth) == names
    assert all(layer.training for layer in model.backbone.modules())


def test_without_a_thaw_they_stay_and_the_model_can_train_again():
    model = recognizer(Freeze("stage3"))
    start, *_, end = train(model, 2)
    assert not [name for name in changed(start, end) if is_early(name)]
    again = train(model, 1)
    assert not [name for name in changed(start, again[-1]) if is_early(name)]


def test_a_thaw_at_once_would_be_no_freeze():
    with pytest.raises(ValueError, match=r"model\.freeze\.thaw_epoch"):
        Freeze("stem", thaw_epoch=0)


def test_weights_that_were_left_out_of_training_before_are_not_thawed():
    network = ResNet(18, embedding_dim=8, width=4)
    first = next(network.parameters()).requires_grad_(False)
    parts = FrozenParts(network, "stage1")
    parts.freeze()
    parts.thaw()
    assert not first.requires_grad
    assert all(weight.requires_grad for weight in list(network.parameters())[1:])


def test_a_frozen_part_stays_in_evaluation_when_the_network_is_put_into_training():
    model = recognizer(Freeze("stage3"))
    assert model.frozen_parts is not None
    model.frozen_parts.freeze()
    model.train()
    modes = {name: part.training for name, part in model.backbone.parts().items()}
    assert modes == {"stem": False, "stage1": False, "stage2": False, "stage3": False, "stage4": True, "head": True}


@pytest.mark.parametrize(
    ("network", "until", "frozen"),
    [
        (partial(ConvNeXt, width=8), "stage2", ("stem.", "stages.0.", "stages.1.")),
        (MobileFaceNet, "stem", ("stem.",)),
        (partial(TimmBackbone, "test_vit"), "patch_embed", ("network.patch_embed.", "network.cls", "network.pos")),
        (
            partial(TimmBackbone, "test_vit"),
            "blocks",
            ("network.patch", "network.cls", "network.pos", "network.blocks"),
        ),
        (partial(TimmBackbone, "resnet18"), "layer1.0", ("network.conv1.", "network.bn1.", "network.layer1.0.")),
    ],
)
def test_what_of_a_network_is_frozen(network, until, frozen):
    backbone = network(embedding_dim=8)
    FrozenParts(backbone, until).freeze()
    still = {name for name, weight in backbone.named_parameters() if not weight.requires_grad}
    assert still == {name for name, _ in backbone.named_parameters() if name.startswith(frozen)}
    assert still


def test_an_unknown_part_is_answered_with_those_there_are():
    said = r"model\.freeze\.until=stage9: ResNet has no such part\. Its parts are stem, stage1, .*, stage4, head"
    with pytest.raises(ValueError, match=said):
        recognizer(Freeze("stage9"))


def test_nothing_left_to_train_is_refused():
    backbone = ResNet(18, embedding_dim=16, width=4)
    model = FaceRecognizer(
        backbone, Triplet(), OPTIMIZERS["sgd"], num_classes=24, image_size=(32, 32), freeze=Freeze("head", thaw_epoch=1)
    )
    with pytest.raises(ValueError, match="nothing is left to train"):
        train(model, 2)


def test_class_weights_alone_can_be_trained():
    start, end = train(recognizer(Freeze("head")), 1)
    assert {name.partition(".")[0] for name in changed(start, end)} == {"loss"}
