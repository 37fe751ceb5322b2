"""Class weights that are split over two and three processes: the loss and the gradients of one process with all."""

import warnings

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import get_total_norm

from facerec import losses
from facerec.clipping import clip_total_norm_
from facerec.losses import ArcFace, Computation, Joint, Sharding
from facerec.losses.base import ClassifierLoss
from facerec.losses.functional.class_samples import draw_classes
from facerec.losses.sharding import gather_checkpoint, scatter_checkpoint, split_over_processes, split_parameters
from facerec.optim import parameter_groups
from tests.losses.loss_cases import CASES, Case, batch
from tests.losses.test_processes import DIM, PIXELS, Model, results, split

SIZES = {2: (11, 7), 3: (8, 4, 6)}
PEOPLE = 23  # neither 2 nor 3 parts of it are equal
REFUSED = {"synthesis", "negative_share"}
TWICE = ("sphereface-1", "sphereface-2", "sphereface-3", "sphereface-start", "adaface-fast", "curricular-fast")
TWICE += ("softmax", "softmax-smooth", "softmax-dropout", "mlp", "arcface-easy", "combined", "uce")
PLAIN = ("normface-steep", "arcface", "subcenter", "curricular")

SHARDED = [
    *(
        case
        for case in CASES
        if isinstance(case.make, type)
        and issubclass(case.make, ClassifierLoss)
        and not REFUSED & set(case.settings)
        and case.name not in TWICE
    ),
    *(
        Case(f"{case.name}-plain", case.make, case.oracle, {**case.settings, "computation": Computation("plain")})
        for case in CASES
        if case.name in PLAIN
    ),
    Case("softmax-all", losses.Softmax, None, {"bias": True, "label_smoothing": 0.1, "hidden_dim": 9, "dropout": 0.2}),
    Case("joint", lambda **settings: Joint({"arc": ArcFace(**settings), "pairs": losses.SupCon()}), None),
]


def split_case(case, people):
    """A model of one process with its own class weights, as DistributedDataParallel takes it, and their names."""
    model = Model(Case(case.name, case.make, None, {**case.settings, "sharded": True}), people)
    names = [f"loss.{name}" for name in split_over_processes(model.loss)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, names)
    return model, names


def in_one_process(case, people, images, labels):
    """The whole batch at once, with all class weights: the model, and loss, gradients and buffers."""
    model = Model(case, people)
    model.loss.gathered = lambda embeddings, labels: (embeddings, labels)
    return model, results(model, images, labels)


def part_of(whole, own, people):
    """The rows of this process, of class weights with as many rows for each person."""
    rank, world, each = dist.get_rank(), dist.get_world_size(), len(whole) // people
    part = whole[rank * people // world * each : (rank + 1) * people // world * each]
    assert part.shape == own.shape
    return part


class Work:
    """What a process does. Each check ends in the same collective calls in all processes."""

    def __init__(self, rank, world, failures):
        self.rank, self.world, self.failures = rank, world, failures
        images, labels = batch(sum(SIZES[world]), PIXELS, PEOPLE, seed=4)
        self.images, self.labels = split(images, SIZES[world]), split(labels, SIZES[world])

    def require_close(self, found, expected, what, scale=None):
        error = (found - expected).abs().max() / (scale or expected.abs().max().clamp(min=1e-6))
        if not error < 1e-10:
            self.failures.append(f"{what}: process {self.rank} of {self.world} is off by {error:.1e}")

    def compare(self, case, people):
        """Loss, gradients, buffers and the norm of all gradients, after two steps."""
        labels = [each % people for each in self.labels]
        model, names = split_case(case, people)
        together = results(
            DistributedDataParallel(model, find_unused_parameters=True), self.images[self.rank], labels[self.rank]
        )
        whole, alone = in_one_process(case, people, torch.cat(self.images), torch.cat(labels))
        assert names
        assert together.keys() == alone.keys()
        largest = max(alone[name].abs().max() for name in alone if name.startswith("backbone"))
        for name, expected in alone.items():
            expected = part_of(expected, together[name], people) if name in names else expected
            scale = largest if name.startswith("backbone") else None
            self.require_close(together[name], expected, f"{case.name} {name}, {people} people", scale)
        limit = 0.5 * get_total_norm([weight.grad for weight in whole.parameters()])
        norm = clip_total_norm_(model.parameters(), split_parameters(model.loss), float(limit))
        self.require_close(norm, 2.0 * limit, f"{case.name}: norm")
        torch.nn.utils.clip_grad_norm_(whole.parameters(), float(limit))
        clipped, expected = model.backbone[0].weight.grad, whole.backbone[0].weight.grad
        self.require_close(clipped, expected, f"{case.name}: clipped gradient", largest)

    def nearest(self, case):
        """The nearest class and the nearest other one, of as many images as each process has."""
        model, _ = split_case(case, PEOPLE)
        loss, whole = model.loss.eval(), Model(case, PEOPLE).loss.eval()
        images = torch.randn(
            5 + self.rank, DIM, dtype=torch.float64, generator=torch.Generator().manual_seed(self.rank)
        )
        labels = torch.arange(len(images)) * 2
        logits = whole.logits(images)
        named, other = loss.nearest(images, labels)
        assert torch.equal(loss.named(images), logits.argmax(1))
        assert torch.equal(named, logits.argmax(1))
        self.require_close(other, logits.scatter(1, labels[:, None], -torch.inf).amax(1), f"{case.name}: nearest other")

    def checkpoint(self, case, make_optimizer):
        """The first process writes what one process would; others go on from their rows of it."""
        model, names = split_case(case, PEOPLE)
        trained = DistributedDataParallel(model, find_unused_parameters=True)
        optimizer = make_optimizer(parameter_groups(model.backbone, model.loss))
        results(trained, self.images[self.rank], self.labels[self.rank])
        optimizer.step()
        written = {"state_dict": model.state_dict(), "optimizer_states": [optimizer.state_dict()]}
        kept = {name: written["state_dict"][name].clone() for name in names}
        gather_checkpoint(written, model.loss, "loss.", "loss")
        shared = [written]
        dist.broadcast_object_list(shared)
        whole, _ = in_one_process(case, PEOPLE, torch.cat(self.images), torch.cat(self.labels))
        alone = make_optimizer(parameter_groups(whole.backbone, whole.loss))
        alone.step()
        for name, expected in whole.state_dict().items():
            self.require_close(shared[0]["state_dict"][name], expected, f"{case.name}: checkpoint's {name}")
        for index, expected in alone.state_dict()["state"].items():
            for key in expected:
                found = shared[0]["optimizer_states"][0]["state"][index][key]
                self.require_close(torch.as_tensor(found), torch.as_tensor(expected[key]), f"{case.name}: {key}")
        whole.loss.load_state_dict(  # what was written loads as it is where all class weights are
            {name.removeprefix("loss."): value for name, value in shared[0]["state_dict"].items() if "loss." in name}
        )
        resumed, _ = split_case(case, PEOPLE)
        resumed.load_state_dict(shared[0]["state_dict"])
        scatter_checkpoint(shared[0], resumed.loss, "loss.", "loss")
        make_optimizer(parameter_groups(resumed.backbone, resumed.loss)).load_state_dict(
            shared[0]["optimizer_states"][0]
        )
        for name, expected in kept.items():
            assert torch.equal(resumed.state_dict()[name], expected)
            assert torch.equal(shared[0]["state_dict"][name], expected)

    def sample(self):
        """exp(loss) - 1 of one image is a sum over the other classes: in the mean it is that of all classes."""
        torch.manual_seed(self.rank)
        loss = losses.NormFace(4.0, sharded=Sharding(sample_rate=0.3)).build(DIM, PEOPLE).double()
        split_over_processes(loss)
        image, label = torch.eye(DIM, dtype=torch.float64)[:1], torch.tensor([11])
        exact = loss.eval()(image, label).expm1()
        draws = torch.stack([loss.train()(image, label).detach().expm1() for _ in range(300)])
        if not abs(draws.mean() - exact) < 4.0 * draws.std() / 300**0.5 or not draws.std() > 0.05 * exact:
            self.failures.append(f"sample: {draws.mean():.3f} +- {draws.std() / 300**0.5:.3f} in place of {exact:.3f}")


def work(rank, world, meeting, failures):
    """All checks, in a process of its own."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=world)
    checks = Work(rank, world, failures)
    for case in SHARDED:
        checks.compare(case, PEOPLE)
        if case.name in ("arcface", "arcface-plain", "softmax-bias", "subcenter", "uce-weighted"):
            checks.compare(case, people=world)  # a process holds one class, and no other one for its images
        if case.name in ("softmax-bias", "sphereface-4", "subcenter"):
            checks.nearest(case)
        if case.name in ("subcenter", "softmax-bias", "joint"):
            checks.checkpoint(case, lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, weight_decay=1e-3))
        if case.name == "softmax-bias":
            checks.checkpoint(case, lambda groups: torch.optim.AdamW(groups, lr=0.1))
    checks.sample()
    dist.destroy_process_group()


@pytest.mark.parametrize("world", SIZES)
def test_split_class_weights_train_as_whole_ones(world, tmp_path):
    names = {case.name for case in SHARDED}
    assert {"normface", "sphereface-4", "cosface", "arcface", "combined-all", "subcenter", "adaface"} < names
    assert {"curricular", "circle-classes", "uce-weighted", "mlp-dropout", "softmax-all", "arcface-plain"} < names
    with mp.Manager() as manager:
        failures = manager.list()
        mp.spawn(work, (world, tmp_path / "meeting", failures), nprocs=world)
        assert not list(failures)


@pytest.mark.parametrize("case", [case for case in SHARDED if case.oracle], ids=lambda case: case.name)
def test_in_one_process_nothing_changes(case):
    embeddings, labels = batch(12, DIM, 6)
    found = []
    for sharded in (False, True):
        loss = Case(case.name, case.make, None, {**case.settings, "sharded": sharded}).build(DIM, 6).double()
        assert split_over_processes(loss) == []
        torch.manual_seed(0)
        value = loss(embeddings, labels)
        value.backward()
        found.append((value, loss.weight.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@pytest.mark.filterwarnings("ignore:.*is too small")
@pytest.mark.parametrize(
    "make",
    [
        lambda **settings: losses.NormFace(4.0, **settings),
        lambda **settings: losses.NormFace(4.0, Computation("plain"), **settings),
        lambda **settings: losses.NormFace(72.0, **settings),  # weights of sampled classes pass the bound of a cosine
        lambda **settings: losses.CurricularFace(4.0, momentum=0.0, **settings),
        lambda **settings: losses.SubCenterArcFace(4.0, **settings),
        lambda **settings: losses.Softmax(bias=True, **settings),
        lambda **settings: losses.SphereFace(1, **settings),
    ],
)
def test_a_sample_of_the_other_classes_is_right_in_the_mean(make):
    """exp(loss) - 1 of one image is a sum over the other classes, and each draw has its gradient."""
    torch.manual_seed(0)
    loss = make(sharded=Sharding(sample_rate=0.25)).build(DIM, PEOPLE).double()
    scale = getattr(loss, "scale", 1.0)
    loss.weight.data = loss.weight.data + torch.randn(1, DIM) * scale  # alike, so that no class outweighs the others
    image, label = torch.nn.functional.normalize(torch.randn(1, DIM, dtype=torch.float64)), torch.tensor([11])
    exact = loss.eval()(image, label).expm1()
    loss.train()
    draws = torch.stack([loss(image, label).expm1() for _ in range(400)])
    assert draws.std() > 0.01 * exact
    assert abs(draws.mean() - exact) < 4.0 * draws.std() / 400**0.5
    (expected,) = torch.autograd.grad(exact, loss.weight, retain_graph=True)
    (found,) = torch.autograd.grad(draws.mean(), loss.weight)
    assert (found - expected).norm() < 0.2 * expected.norm()


def test_each_other_class_is_drawn_with_the_chance_that_is_told():
    torch.manual_seed(0)
    labels, counts = torch.tensor([3, -1, 8, 3]), torch.zeros(10)
    for _ in range(2000):
        classes, places, chance = draw_classes(labels, num_classes=10, count=5)
        counts[classes] += 1
        assert classes[places[[0, 2, 3]]].tolist() == [3, 8, 3]
        assert places[1] == -1
    assert chance.item() == pytest.approx(3 / 8)
    expected = torch.full((10,), 750.0).index_fill(0, torch.tensor([3, 8]), 2000.0)
    assert (counts - expected).abs().max() < 4.0 * (2000 * 3 / 8 * 5 / 8) ** 0.5


def test_what_a_process_does_not_have_is_refused():
    loss = ArcFace(sharded=True).build(DIM, PEOPLE)
    with pytest.raises(ValueError, match="23 people cannot be split over 24 processes"):
        loss.split(0, 24)
    loss.split(1, 3)
    with pytest.raises(ValueError, match="this process has the class weights of 8 of 23 people"):
        loss.class_directions()
    kept = {"state": {0: {"exp_avg_sq_row": torch.zeros(8, 1), "exp_avg_sq_col": torch.zeros(1, DIM)}}}
    kept |= {"param_groups": [{"name": "loss", "params": [0]}]}
    with pytest.raises(ValueError, match=r"exp_avg_sq_row of 23 class weights has the shape \(8, 1\)"):
        scatter_checkpoint(
            {"state_dict": {"weight": torch.zeros(23, DIM)}, "optimizer_states": [kept]}, loss, "", "loss"
        )


def test_soft_labels_are_not_for_split_classes():
    assert losses.NormFace().takes_soft_labels
    assert not losses.NormFace(sharded=True).takes_soft_labels
    assert not losses.Softmax(sharded=True).takes_soft_labels
