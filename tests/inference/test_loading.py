"""Building a model from its checkpoint alone."""

from pathlib import Path

import pytest
import torch

from facerec.backbones import TimmBackbone
from facerec.checkpoints import ModelCard
from facerec.cli import main
from facerec.inference import Embedder
from facerec.inference.loading import load_recognizer
from facerec.inference.submission import predict_classes
from facerec.losses import Triplet
from facerec.recognizer import FaceRecognizer
from tests.cli.conftest import assert_refused
from tests.conftest import face
from tests.losses.loss_cases import every_case

PEOPLE = 60_000


@pytest.fixture
def best(orl_run: Path) -> Path:
    return next((orl_run / "checkpoints").glob("best-*.ckpt"))


@pytest.fixture
def large(best: Path, tmp_path: Path) -> Path:
    """The checkpoint with so many people that their class weights are larger than everything else together."""
    checkpoint = torch.load(best, weights_only=True)
    generator = torch.Generator().manual_seed(0)
    checkpoint["state_dict"]["loss.weight"] = torch.randn(PEOPLE, 16, generator=generator)
    checkpoint["hyper_parameters"]["num_classes"] = PEOPLE
    checkpoint["facerec"]["identities"] = [f"p{person}" for person in range(PEOPLE)]
    torch.save(checkpoint, tmp_path / "large.ckpt")
    return tmp_path / "large.ckpt"


def largest_allocation(work) -> int:
    """Bytes of the largest tensor that an operator of torch makes; a mapped file is none."""
    with torch.profiler.profile(profile_memory=True) as profiler:
        work()
    return max(event.self_cpu_memory_usage for event in profiler.events() if event.name.startswith("aten::"))


def test_verify_reads_the_file_once(best, monkeypatch, capsys) -> None:
    reads = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: reads.append((args, kwargs)) or load(*args, **kwargs))
    main(["verify", str(face(1, 1)), str(face(1, 1)), "--ckpt_path", str(best)])
    assert "same person" in capsys.readouterr().out
    assert [(str(args[0]), kwargs["mmap"]) for args, kwargs in reads] == [(str(best), True)]


def test_class_weights_are_not_built_to_embed_images(large) -> None:
    images = torch.randint(0, 256, (2, 3, 112, 92), dtype=torch.uint8)
    class_weights = PEOPLE * 16 * 4
    assert largest_allocation(lambda: FaceRecognizer.load_from_checkpoint(large)) >= class_weights
    assert largest_allocation(lambda: Embedder.from_checkpoint(large)(images)) < class_weights // 2


def test_class_weights_are_there_when_classes_are_asked_for(large) -> None:
    whole = FaceRecognizer.load_from_checkpoint(large, weights_only=True).eval()
    embedder = Embedder.from_checkpoint(large)
    assert embedder.description["parameter_count"] == sum(weight.numel() for weight in whole.parameters())
    embeddings = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    expected = [f"p{label}" for label in whole.loss.logits(embeddings).argmax(1).tolist()]
    assert predict_classes(embedder, embeddings) == expected


def test_the_model_is_the_one_that_was_trained(best) -> None:
    ours = load_recognizer(best)
    theirs = FaceRecognizer.load_from_checkpoint(best, weights_only=True)
    assert ours.card == theirs.card
    assert (ours.num_classes, ours.preprocess.size, ours.flip_test) == (24, (32, 32), theirs.flip_test)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    assert all(weight.dtype == torch.float32 for weight in ours.backbone.parameters())


def test_weights_that_were_trained_in_bfloat16_are_used_in_float32(best, tmp_path) -> None:
    checkpoint = torch.load(best, weights_only=True)
    state = checkpoint["state_dict"]
    checkpoint["state_dict"] = {
        name: tensor.bfloat16() if tensor.is_floating_point() else tensor for name, tensor in state.items()
    }
    torch.save(checkpoint, tmp_path / "half.ckpt")
    embedder = Embedder.from_checkpoint(tmp_path / "half.ckpt")
    embeddings = embedder(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert embeddings.dtype == torch.float32
    assert len(predict_classes(embedder, embeddings)) == 2


@every_case
def test_every_loss_can_be_built_without_memory_and_filled(case) -> None:
    trained, empty = case.build(8, 5), case.make(**case.settings)
    with torch.device("meta"):
        empty.build(8, 5)
    empty.load_state_dict(trained.state_dict(), assign=True)
    held = [*empty.parameters(), *empty.buffers()]
    assert not any(tensor.is_meta for tensor in held)
    assert sum(map(torch.numel, held)) == sum(map(torch.numel, [*trained.parameters(), *trained.buffers()]))


def test_the_optimizer_of_the_training_is_not_needed(best, tmp_path) -> None:
    checkpoint = torch.load(best, weights_only=True)
    checkpoint["hyper_parameters"]["optimizer"] = {"class_path": "package_that_is_not_here.Adam"}
    torch.save(checkpoint, tmp_path / "other.ckpt")
    assert load_recognizer(tmp_path / "other.ckpt").card == load_recognizer(best).card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda checkpoint: checkpoint["state_dict"].pop(next(iter(checkpoint["state_dict"]))),
            "it has no weights backbone.*, and 0 others",
        ),
        (
            lambda checkpoint: checkpoint["state_dict"].update({"teacher.weight": torch.zeros(1)}),
            "teacher.weight beside",
        ),
        (
            lambda checkpoint: checkpoint["state_dict"].update({"loss.weight": torch.zeros(3, 16)}),
            r"loss.weight have shape \(3, 16\), and its settings \(24, 16\)",
        ),
        (lambda checkpoint: checkpoint["hyper_parameters"].update(loss={"class_path": "facerec.losses.None"}), "None"),
        (lambda checkpoint: checkpoint.pop("facerec"), "no model card"),
        (lambda checkpoint: checkpoint.update(facerec_config="seed: 1"), "earlier version of facerec"),
        (lambda checkpoint: checkpoint["hyper_parameters"].pop("backbone"), "built in Python"),
        (lambda checkpoint: checkpoint["hyper_parameters"].update(_class_path="os.system"), "another kind of model"),
        (lambda checkpoint: checkpoint["hyper_parameters"].update(image_size=[99_999, 112]), "up to 2048 pixels"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(change, message, best, tmp_path) -> None:
    checkpoint = torch.load(best, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, tmp_path / "broken.ckpt")
    with pytest.raises(ValueError, match=rf"(?s)broken\.ckpt .*{message}"):
        load_recognizer(tmp_path / "broken.ckpt")


def describe(best: Path, path: Path, **settings: object) -> Path:
    """The checkpoint with other settings of its backbone."""
    checkpoint = torch.load(best, weights_only=True)
    checkpoint["hyper_parameters"]["backbone"]["init_args"].update(settings)
    torch.save(checkpoint, path)
    return path


def test_a_network_larger_than_its_weights_is_never_built(best, tmp_path) -> None:
    wide = describe(best, tmp_path / "wide.ckpt", width=20_000)

    def load() -> None:
        with pytest.raises(ValueError, match=r"wide\.ckpt .* its settings \(20000, 3, 7, 7\)"):
            load_recognizer(wide)

    assert largest_allocation(load) < 1_000_000  # built, its largest layer alone has 230 GB


@pytest.mark.parametrize("command", ["test", "fit"])
def test_nor_is_it_by_the_commands_of_lightning(command, best, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(
        "its settings (9000, 3, 7, 7)",
        capsys,
        command,
        "--ckpt_path",
        describe(best, tmp_path / "wide.ckpt", width=9000),
    )
    assert not (tmp_path / "runs").exists()


def test_one_number_that_stands_for_millions_is_no_weight(best, tmp_path) -> None:
    checkpoint = torch.load(best, weights_only=True)
    name, weight = next(iter(checkpoint["state_dict"].items()))
    checkpoint["state_dict"][name] = torch.zeros(1).expand(weight.shape)
    torch.save(checkpoint, tmp_path / "thin.ckpt")
    with pytest.raises(ValueError, match=rf"thin\.ckpt .*{name} of .* is larger than its numbers in the file"):
        load_recognizer(tmp_path / "thin.ckpt")


@pytest.fixture
def timm_run(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint of a timm network that started from a file of weights, and that file."""
    weights = tmp_path / "start.pth"
    torch.save(TimmBackbone("test_resnet").network.state_dict(), weights)
    settings = {"name": "test_resnet", "embedding_dim": 16, "checkpoint": str(weights)}
    recognizer = FaceRecognizer(TimmBackbone(**settings), Triplet(), torch.optim.SGD, image_size=(32, 32))
    checkpoint = {
        "state_dict": recognizer.state_dict(),
        "hyper_parameters": {
            "backbone": {"class_path": "facerec.backbones.TimmBackbone", "init_args": settings},
            "loss": {"class_path": "facerec.losses.Triplet"},
            "image_size": [32, 32],
        },
    }
    ModelCard().put_into(checkpoint)
    torch.save(checkpoint, tmp_path / "timm.ckpt")
    return tmp_path / "timm.ckpt", weights


def test_a_checkpoint_needs_no_start_weights(timm_run) -> None:
    path, weights = timm_run
    images = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    before = Embedder.from_checkpoint(path)(images)
    weights.unlink()
    assert torch.equal(Embedder.from_checkpoint(path)(images), before)
    with pytest.raises(FileNotFoundError, match=r"checkpoint=.*start\.pth: no such file"):  # a new network does
        TimmBackbone("test_resnet", checkpoint=str(weights))


def test_nor_the_hub(timm_run, monkeypatch) -> None:
    path, _ = timm_run
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["hyper_parameters"]["backbone"]["init_args"].update(checkpoint=None, pretrained=True)
    torch.save(checkpoint, path)
    assert Embedder.from_checkpoint(path).image_size == (32, 32)
