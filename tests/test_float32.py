"""Embeddings do not depend on a global setting that lets torch round inside float32."""

import pytest
import torch

from facerec.float32 import real_float32
from facerec.inference import Embedder
from tests.inference.networks import small_recognizer

BACKENDS = torch.backends
pytestmark = pytest.mark.skipif(
    not hasattr(BACKENDS.cuda.matmul, "fp32_precision"), reason="torch of before 2.9 has one switch for all"
)


@pytest.fixture(autouse=True)
def _as_before():
    yield
    torch.set_float32_matmul_precision("highest")


def settings():
    operations = (BACKENDS.cuda.matmul, BACKENDS.cudnn.conv, BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv)
    return [operation.fp32_precision for operation in operations]


@pytest.mark.parametrize("allowed", ["medium", "high"])
def test_a_user_who_allows_less_gets_the_same_embeddings(allowed):
    """On a processor with bfloat16 instructions ``medium`` would change the second digit."""
    images = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    embedder = Embedder(small_recognizer(flip_test=True))
    expected = embedder(images)
    torch.set_float32_matmul_precision(allowed)
    before = settings()
    assert torch.equal(embedder(images), expected)
    assert settings() == before
    assert torch.get_float32_matmul_precision() == allowed


def test_every_operation_is_exact_inside_and_as_before_behind_an_error():
    torch.set_float32_matmul_precision("medium")
    before = settings()
    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert settings() == before


@real_float32()
def fail_inside():
    assert set(settings()) == {"ieee"}
    return 1 / 0


def test_evaluation_sees_it():
    """Convolutions of a GPU are TensorFloat32 by torch's default. What the backbone sees is looked at as it runs."""
    recognizer = small_recognizer().eval()
    seen = []
    recognizer.backbone.register_forward_hook(lambda *_: seen.append(settings()))
    recognizer.validation_step(type("Batch", (), {"images": torch.zeros(2, 3, 32, 32)}), 0)
    assert seen == [["ieee"] * 4]
