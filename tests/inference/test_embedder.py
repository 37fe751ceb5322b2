import pytest
import torch
from lightning.pytorch import Trainer

from facerec.backbones import ResNet
from facerec.data import FaceDataModule, ORLPairs
from facerec.inference import Embedder
from facerec.losses import Softmax
from facerec.metrics import equal_error_rate
from facerec.metrics.scores import cosine_scores
from facerec.recognizer import FaceRecognizer


def test_checkpoint_alone_gives_the_eer_that_was_logged(orl_run):
    """The embedding path outside the trainer is the one inside it."""
    best = next((orl_run / "checkpoints").glob("best-*.ckpt"))
    embedder = Embedder.from_checkpoint(best)
    pairs = ORLPairs("val")
    images = torch.stack([pairs.read(index) for index in range(len(pairs))])
    rate, threshold = equal_error_rate(cosine_scores(embedder(images), pairs.pairs), pairs.same)
    assert threshold == pytest.approx(embedder.threshold, abs=1e-4)
    logged = torch.load(best, weights_only=True)["callbacks"]
    score = next(float(state["current_score"]) for state in logged.values() if "current_score" in state)
    assert rate == pytest.approx(score, abs=1e-3)


def test_any_image_size_and_batch_of_one(orl_run):
    embedder = Embedder.from_checkpoint(orl_run / "checkpoints" / "last.ckpt")
    images = torch.randint(0, 256, (3, 3, 57, 91), dtype=torch.uint8)
    together = embedder(images)
    assert together.shape == (3, 16)
    assert not together.requires_grad
    torch.testing.assert_close(embedder(images[1:2]), together[1:2], rtol=1e-4, atol=1e-4)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        Embedder.from_checkpoint(tmp_path / "none.ckpt")


def test_a_model_built_in_python_is_saved_safely_and_says_how_to_load_it(vggface_root, tmp_path):
    def build(backbone, loss):
        return FaceRecognizer(backbone, loss, lambda groups: torch.optim.SGD(groups, lr=0.01), 4, image_size=(32, 32))

    model = build(ResNet(18, 16, 4), Softmax())
    data = FaceDataModule(root=str(vggface_root), batch_size=8, image_size=(32, 32))
    trainer = Trainer(
        max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False
    )
    trainer.fit(model, data)
    path = tmp_path / "python.ckpt"
    trainer.save_checkpoint(path)
    assert torch.load(path, weights_only=True)["facerec"]["identities"][0] == "n000001"
    with pytest.raises(ValueError, match="built in Python"):
        Embedder.from_checkpoint(path)
    again = FaceRecognizer.load_from_checkpoint(
        path, backbone=ResNet(18, 16, 4), loss=Softmax(), optimizer=torch.optim.SGD, weights_only=True
    )
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight)


def test_flip_test_is_the_mean_direction_of_image_and_mirror_at_their_mean_length():
    def build(flip_test):
        torch.manual_seed(0)
        return FaceRecognizer(
            ResNet(18, 16, 4), Softmax(), torch.optim.SGD, 4, image_size=(32, 32), flip_test=flip_test
        )

    plain, flipped = build(False).eval(), build(True).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    unit = torch.nn.functional.normalize
    one, other = plain(images), plain(images.flip(-1))
    expected = (unit(one) + unit(other)) / 2 * (one.norm(dim=1) + other.norm(dim=1))[:, None] / 2
    torch.testing.assert_close(flipped.embed(images), expected)
    torch.testing.assert_close(flipped.embed(images.flip(-1)), expected)
    torch.testing.assert_close(plain.embed(images), plain(images))


def test_flip_test_concatenates_the_embeddings_of_image_and_mirror():
    torch.manual_seed(0)
    model = FaceRecognizer(
        ResNet(18, 16, 4), Softmax(), torch.optim.SGD, 4, image_size=(32, 32), flip_test="concatenate"
    ).eval()
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    both = model.embed(images)
    assert both.shape == (3, model.score_dim) == (3, 32)
    torch.testing.assert_close(both, torch.cat([model(images), model(images.flip(-1))], dim=1))
