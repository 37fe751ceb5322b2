"""``model.compile``: whole graphs, the same gradients, names and checkpoints, and no second compilation."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch._dynamo.utils import counters

from facerec import backbones, compilation
from facerec.backbones import LeNet
from facerec.compilation import compile_backbone, compiled, require_compiler, uncompiled
from facerec.losses import Computation, Softmax
from facerec.recognizer import FaceRecognizer
from facerec.transforms import Augment
from tests.losses.loss_cases import MARGIN_SOFTMAX, batch


@pytest.fixture(autouse=True)
def _forget_compiled(monkeypatch):
    """The graphs and gradients are those of a training. C++ for them takes too long here: benchmarks/compiled.py."""
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


NETWORKS = {
    "resnet": partial(backbones.ResNet, 18, width=8, stochastic_depth=0.2),
    "vit": partial(backbones.TimmBackbone, "test_vit"),
}
FAMILIES = ("arcface-warmup", "adaface", "curricular", "circle-classes")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_backbone_is_one_graph(name):
    network = NETWORKS[name](embedding_dim=8)
    network.build((64, 64))
    compiled_network = torch.compile(network, backend="eager", fullgraph=True, dynamic=False)
    assert compiled_network(torch.randn(2, 3, 64, 64)).shape == (2, 8)
    assert counters["stats"]["unique_graphs"] == 1


@pytest.mark.parametrize("case", [case for case in MARGIN_SOFTMAX if case.name in FAMILIES], ids=lambda case: case.name)
def test_a_margin_softmax_is_one_graph_with_the_same_gradients(case):
    """What a GPU compiles: the plain implementation. Statistics move in the graph too."""
    results = []
    for way in (type(case.build(6, 5)).compute, None):
        loss = case.build(6, 5, computation=Computation("plain")).double()
        embeddings, labels = batch(12, 6, 5, dtype=torch.float64)
        compute = way or torch.compile(type(loss).compute, backend="aot_eager", fullgraph=True, dynamic=False)
        value = compute(loss, embeddings.requires_grad_(), labels)
        value.backward()
        results.append([value.detach(), embeddings.grad, loss.weight.grad, *loss.buffers()])
    for eager, graph in zip(*results, strict=True):
        torch.testing.assert_close(graph, eager)


def test_compiling_in_place_keeps_names_and_gradients():
    images = torch.randn(4, 3, 32, 32)
    plain, network = LeNet(embedding_dim=4, stem="paper"), LeNet(embedding_dim=4, stem="paper")
    for each in (plain, network):
        each.build((32, 32))
    names = list(network.state_dict())
    network.load_state_dict(plain.state_dict())
    compile_backbone(network)
    for each in (plain, network):
        each(images).square().sum().backward()
    assert counters["stats"]["unique_graphs"] == 1
    assert list(network.state_dict()) == names
    for ours, other in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, other.grad, rtol=1e-3, atol=1e-4)


class Images:
    """Batches of six images, and a last one of two for the evaluation."""

    def __init__(self, *sizes):
        self.sizes = sizes

    def __iter__(self):
        for size in self.sizes:
            images = torch.randint(0, 256, (size, 3, 32, 32), dtype=torch.uint8)
            yield SimpleNamespace(images=images, labels=torch.arange(size) % 4)

    def __len__(self):
        return len(self.sizes)


def trained(folder, epochs, ckpt_path=None, **settings):
    """A training with validation, and its checkpoint."""
    torch.manual_seed(0)
    model = FaceRecognizer(
        LeNet(embedding_dim=4, stem="paper"),
        Softmax(),
        partial(torch.optim.SGD, lr=0.01),
        num_classes=4,
        image_size=(32, 32),
        **settings,
    )
    trainer = Trainer(
        default_root_dir=folder, max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, Images(6, 6, 6), Images(6, 6, 2), ckpt_path=ckpt_path)
    trainer.save_checkpoint(folder / "last.ckpt")
    return model, trainer


def test_a_training_compiles_once_and_its_checkpoint_is_as_any(tmp_path):
    """Validation has a last batch of another size, and evaluation mode: neither compiles."""
    model, trainer = trained(tmp_path, 1, compile=True)
    trainer.test(model, Images(6, 2), verbose=False)
    assert counters["stats"]["unique_graphs"] == 1
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    fresh = FaceRecognizer(LeNet(embedding_dim=4, stem="paper"), Softmax(), torch.optim.SGD, 4, image_size=(32, 32))
    assert list(state) == list(fresh.state_dict())
    fresh.load_state_dict(state)
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(fresh.eval().embed(images), model.eval().embed(images))
    counters.clear()
    _, resumed = trained(tmp_path, 2, tmp_path / "last.ckpt", compile=True)
    assert resumed.global_step == 6
    assert counters["stats"]["unique_graphs"] <= 1  # torch may remember the graph of the first


@pytest.mark.parametrize(("device", "compiles"), [("cpu", False), ("meta", True)])
def test_loss_and_augmentation_are_compiled_on_a_device_alone(device, compiles, monkeypatch):
    data = SimpleNamespace(augment=Augment())
    monkeypatch.setattr(FaceRecognizer, "trainer", SimpleNamespace(datamodule=data))
    monkeypatch.setattr(FaceRecognizer, "device", torch.device(device))
    for wanted in (True, False):  # the same data may serve a training that does not compile
        model = FaceRecognizer(
            LeNet(embedding_dim=4, stem="paper"), Softmax(), torch.optim.SGD, 4, image_size=(32, 32), compile=wanted
        )
        model.on_fit_start()
        assert model.loss.is_compiled == data.augment.is_compiled == (compiles and wanted)


def test_what_is_compiled_can_run_as_it_is():
    seen = []

    def backend(graph, inputs):
        seen.append(graph)
        return graph

    double = torch.compile(lambda x: 2.0 * x, backend=backend)
    with uncompiled(True):
        assert double(torch.ones(())) == 2.0
    assert not seen
    assert double(torch.ones(())) == 2.0
    assert len(seen) == 1


def test_functions_are_compiled_once_for_all_objects():
    assert compiled(Softmax.compute) is compiled(Softmax.compute)


def test_a_machine_without_a_compiler_is_told_before_the_first_step(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"model.compile=true needs a C\+\+ compiler, and .* is not found. Install"):
        compile_backbone(nn.Identity())
    monkeypatch.setenv("CXX", "/no/such/g++ -m64")
    with pytest.raises(ValueError, match=r"/no/such/g\+\+ is not found"):
        require_compiler()
