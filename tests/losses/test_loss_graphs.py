"""What ``model.compile`` translates on a GPU: a plain loss is one graph. Gradients: tests/test_compilation.py."""

from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.exc import Unsupported
from torch._dynamo.utils import counters

from facerec.losses import Loss, Triplet
from facerec.losses.functional import Computation, triplets
from tests.losses.loss_cases import CASES, batch

EACH = {type(case.build(6, 5)).__name__: case for case in CASES}  # a case of each kind of loss
IN_BLOCKS = ("Circle", "SupCon", "DeepAndShallow")  # their loops over rows, or those of a part, are kept out of graphs


@pytest.fixture(autouse=True)
def _as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What reads values on a CPU alone: the check of labels, and the most images of a person."""
    monkeypatch.setattr(Loss, "check_labels", lambda *_: None)
    monkeypatch.setattr(triplets, "_places", lambda labels_B, *_: len(labels_B))
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


def in_one_graph(loss: Loss) -> None:
    embeddings, labels = batch(12, 6, 5, dtype=torch.float32)
    compute = torch.compile(type(loss).compute, backend="eager", fullgraph=True, dynamic=False)
    compute(loss, embeddings.requires_grad_(), labels)


@pytest.mark.parametrize("name", [name for name in EACH if name not in IN_BLOCKS])
def test_a_plain_loss_is_one_graph(name: str) -> None:
    case = EACH[name]
    in_one_graph(case.build(6, 5, **({"computation": Computation("plain")} if case.has_margin_softmax else {})))
    assert counters["stats"]["unique_graphs"] == 1


@pytest.mark.parametrize(
    "loss",
    [EACH[name].build(6, 5) for name in IN_BLOCKS] + [Triplet(strategy="all", soft_margin=True)],
    ids=lambda loss: type(loss).__name__,
)
def test_loops_over_blocks_are_left_out_of_graphs(loss: Loss) -> None:
    with pytest.raises(Unsupported):
        in_one_graph(loss)
