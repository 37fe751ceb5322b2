"""Every loss with the settings it is tested at, beside its oracle; a new loss is one line here."""

import inspect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

import facerec.losses as losses
from facerec.losses import Loss, Ramp
from tests.losses import loss_oracles as oracle


@dataclass
class Case:
    """A loss and its oracle, called with (embeddings, parameters by name, labels) in float64.

    A loss that draws is compared with its oracle in evaluation, where it draws nothing. What it draws has its own tests
    in test_synthesis.py and test_loss_draws.py.
    """

    name: str
    make: Callable[..., Loss]
    oracle: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)

    def build(self, embedding_dim: int, num_classes: int, seed: int = 0, **settings: Any) -> Loss:
        torch.manual_seed(1000 + seed)  # other numbers than the embeddings of that seed
        loss = self.make(**self.settings, **settings)
        loss.build(embedding_dim, num_classes)
        return loss

    @property
    def has_margin_softmax(self) -> bool:
        return "computation" in inspect.signature(self.make).parameters

    @property
    def draws(self) -> bool:
        return bool(self.settings.keys() & {"dropout", "synthesis", "negative_share"})


def _pairs(function: Callable[..., Any], *args: Any, normalize: bool = True, **kwargs: Any) -> Callable[..., Any]:
    return lambda e, p, y: function(oracle.unit(e) if normalize else e, y, *args, **kwargs)


def _class(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    return lambda e, p, y: function(e, p["weight"], y, *args, **kwargs)


def _biased(e: torch.Tensor, p: dict[str, torch.Tensor], y: list[int]) -> torch.Tensor:
    return oracle.softmax(e, p["weight"], y, bias=p["bias"])


def _mlp(e: torch.Tensor, p: dict[str, torch.Tensor], y: list[int]) -> torch.Tensor:
    return oracle.softmax(oracle.hidden(e, p["hidden.weight"], p["hidden.bias"]), p["weight"], y, bias=p.get("bias"))


def _softmax_and_triplet(ce: float, triplet: float) -> Callable[..., Any]:
    def total(e: torch.Tensor, p: dict[str, torch.Tensor], y: list[int]) -> torch.Tensor:
        triplets = oracle.triplet(oracle.unit(e), y, 0.2, "all")
        return ce * oracle.softmax(e, p["losses.ce.weight"], y) + triplet * triplets

    return total


def _uce(*args: Any) -> Callable[..., Any]:
    return lambda e, p, y: oracle.uce(e, p["weight"], y, p["bias"], *args)


def _joint(**weights: Any) -> Loss:
    return losses.Joint({"ce": losses.Softmax(), "triplet": losses.Triplet(strategy="all")}, dict(weights))


def _triplet_case(name: str, **settings: Any) -> Case:
    strategy = settings.get("strategy", "batch_hard")
    kind = settings.get("distance", "squared_euclidean")
    soft, average = settings.get("soft_margin", False), settings.get("average", "all")
    return Case(
        name,
        losses.Triplet,
        _pairs(oracle.triplet, 0.2, strategy, kind, soft, average, normalize=settings.get("normalize", True)),
        settings,
    )


CASES = [
    Case("softmax", losses.Softmax, _class(oracle.softmax)),
    Case("softmax-smooth", losses.Softmax, _class(oracle.softmax, 0.1), {"label_smoothing": 0.1}),
    Case(
        "softmax-bias",
        losses.Softmax,
        lambda e, p, y: oracle.softmax(e, p["weight"], y, bias=p["bias"]),
        {"bias": True},
    ),
    Case("softmax-dropout", losses.Softmax, _class(oracle.softmax), {"dropout": 0.3}),
    Case("mlp", losses.Softmax, _mlp, {"hidden_dim": 11}),
    Case("mlp-dropout", losses.Softmax, _mlp, {"hidden_dim": 9, "dropout": 0.2, "bias": True}),
    Case("normface", losses.NormFace, _class(oracle.normface, 20.0), {"scale": 20.0}),
    Case("normface-steep", losses.NormFace, _class(oracle.normface, 200.0), {"scale": 200.0}),
    *(
        Case(
            f"sphereface-{m}",
            losses.SphereFace,
            _class(oracle.sphereface, m, 5.0),
            {"angle_factor": m, "lambda_start": 5.0},
        )
        for m in (1, 2, 3, 4)
    ),
    Case("sphereface-start", losses.SphereFace, _class(oracle.sphereface, 4, 1500.0)),
    Case("cosface", losses.CosFace, _class(oracle.cosface, 64.0, 0.35)),
    Case("arcface", losses.ArcFace, _class(oracle.arcface, 64.0, 0.5)),
    Case("arcface-easy", losses.ArcFace, _class(oracle.arcface, 30.0, 0.5, True), {"scale": 30.0, "easy_margin": True}),
    Case("arcface-warmup", losses.ArcFace, _class(oracle.normface, 20.0), {"scale": 20.0, "margin_warmup": 10}),
    Case("combined", losses.CombinedMargin, _class(oracle.combined, 64.0, 1.0, 0.3, 0.2)),
    Case(
        "combined-all",
        losses.CombinedMargin,
        _class(oracle.combined, 32.0, 1.35, 0.4, 0.1),
        {"scale": 32.0, "angle_factor": 1.35, "angular_margin": 0.4, "cosine_margin": 0.1},
    ),
    Case("subcenter", losses.SubCenterArcFace, _class(oracle.subcenter_arcface, 64.0, 0.5, 3)),
    Case("adaface", losses.AdaFace, _class(oracle.adaface, 64.0, 0.4, 0.333, 0.01)),
    Case("adaface-fast", losses.AdaFace, _class(oracle.adaface, 64.0, 0.4, 0.333, 0.9), {"momentum": 0.9}),
    Case("curricular", losses.CurricularFace, _class(oracle.curricularface, 64.0, 0.5, 0.01)),
    Case("curricular-fast", losses.CurricularFace, _class(oracle.curricularface, 64.0, 0.5, 1.0), {"momentum": 1.0}),
    Case("circle-classes", losses.CircleClassifier, _class(oracle.circle_classifier, 256.0, 0.25)),
    Case(
        "arcface-synthesis",
        losses.ArcFace,
        _class(oracle.arcface, 64.0, 0.5),
        {"synthesis": losses.Synthesis()},
    ),
    Case(
        "adaface-synthesis",
        losses.AdaFace,
        lambda e, p, y: oracle.adaface(e, p["weight"], y, 64.0, 0.4, 0.333, None),
        {"synthesis": losses.Synthesis(ratio=0.6)},
    ),
    Case(
        "curricular-synthesis",
        losses.CurricularFace,
        _class(oracle.curricularface, 64.0, 0.5, 0.0),
        {"synthesis": losses.Synthesis()},
    ),
    Case(
        "circle-classes-synthesis",
        losses.CircleClassifier,
        _class(oracle.circle_classifier, 256.0, 0.25),
        {"synthesis": losses.Synthesis()},
    ),
    Case("uce", losses.UCE, _uce(64.0, 0.4)),
    Case(
        "uce-weighted", losses.UCE, _uce(20.0, 0.1, 0.3), {"scale": 20.0, "cosine_margin": 0.1, "negative_weight": 0.3}
    ),
    Case("uce-sampled", losses.UCE, _uce(64.0, 0.4), {"negative_share": 0.5}),
    Case("uce-synthesis", losses.UCE, _uce(64.0, 0.4), {"synthesis": losses.Synthesis()}),
    Case("contrastive", losses.Contrastive, _pairs(oracle.contrastive, 1.0)),
    Case(
        "contrastive-raw",
        losses.Contrastive,
        _pairs(oracle.contrastive, 5.0, True, normalize=False),
        {"distance_margin": 5.0, "normalize": False, "balanced": True},
    ),
    _triplet_case("triplet-batch-hard"),
    _triplet_case("triplet-batch-hard-soft", soft_margin=True, distance="cosine"),
    _triplet_case("triplet-semi-hard", strategy="semi_hard"),
    _triplet_case("triplet-semi-hard-cosine", strategy="semi_hard", distance="cosine", average="active"),
    _triplet_case("triplet-batch-hard-euclidean", distance="euclidean"),
    _triplet_case("triplet-semi-hard-euclidean", strategy="semi_hard", distance="euclidean", average="none"),
    _triplet_case("triplet-all-euclidean", strategy="all", distance="euclidean", normalize=False),
    _triplet_case("triplet-sum", strategy="all", average="none", normalize=False),
    _triplet_case("triplet-all", strategy="all"),
    _triplet_case("triplet-all-active", strategy="all", average="active", normalize=False),
    Case("n-pair", losses.NPair, _pairs(oracle.n_pair, 1.0, 0.002, normalize=False)),
    Case(
        "n-pair-unit",
        losses.NPair,
        _pairs(oracle.n_pair, 0.1, 0.0),
        {"temperature": 0.1, "normalize": True, "squared_length_weight": 0.0},
    ),
    Case("histogram", losses.Histogram, _pairs(oracle.histogram, 41), {"num_bins": 41}),
    Case("circle", losses.Circle, _pairs(oracle.circle, 32.0, 0.25), {"scale": 32.0}),
    Case("circle-faces", losses.Circle, _pairs(oracle.circle, 256.0, 0.25)),
    Case("supcon", losses.SupCon, _pairs(oracle.supcon, 0.1)),
    Case("center", losses.Center, lambda e, p, y: oracle.center(e, y, torch.zeros(64, e.shape[1], dtype=e.dtype))),
    Case(
        "joint",
        _joint,
        lambda e, p, y: (
            oracle.softmax(e, p["losses.ce.weight"], y) + 0.5 * oracle.triplet(oracle.unit(e), y, 0.2, "all")
        ),
        {"triplet": 0.5},
    ),
    Case(
        "deep-and-shallow",
        lambda **settings: losses.DeepAndShallow(losses.NormFace(20.0), losses.SupCon(0.2), **settings),
        lambda e, p, y: oracle.deep_and_shallow(e, p["losses.deep.weight"], y, 0, 20.0, 0.2, 0.5),
        {"weight": 0.5},
    ),
    Case(
        "joint-ramp",
        _joint,
        lambda e, p, y: (
            0.25 * oracle.softmax(e, p["losses.ce.weight"], y) + oracle.triplet(oracle.unit(e), y, 0.2, "all")
        ),
        {"ce": Ramp(0.25, 1.0, 10)},
    ),
]

FUZZED: Counter[str] = Counter()
"""Batches that the fuzz has tried, by case; reported at the end of the tests."""

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
MARGIN_SOFTMAX = [case for case in CASES if case.has_margin_softmax]
PAIRS = [case for case in CASES if case.make().needs_positives]
every_margin_softmax = pytest.mark.parametrize("case", MARGIN_SOFTMAX, ids=lambda case: case.name)
every_pair_loss = pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)


def exact_parameters(loss: Loss) -> dict[str, torch.Tensor]:
    """Copies of the parameters in float64, by name, that take gradients."""
    return {name: p.detach().double().clone().requires_grad_() for name, p in loss.named_parameters()}


def seeded(loss: Loss, x: torch.Tensor, y: torch.Tensor, seed: int = 7) -> torch.Tensor:
    """The loss of a batch, with the same draws each time."""
    torch.manual_seed(seed)
    value: torch.Tensor = loss(x, y)
    return value


def batch(size: int, dim: int, people: int, seed: int = 0, dtype: torch.dtype = torch.float64, length: float = 3.0):
    """Embeddings of a given mean length and labels, each person at least twice where the size allows it."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(size, dim, generator=generator, dtype=torch.float64) * (length / dim**0.5)
    return embeddings.to(dtype), torch.arange(size) % people
