"""A checkpoint as one file for other runtimes: ONNX, or PyTorch's own ``.pt2``, compared with the checkpoint."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from facerec import __version__
from facerec.files import written_whole
from facerec.inference.embedder import Embedder, shallow_copy
from facerec.inference.onnx_model import METADATA_PREFIX, OnnxModel
from facerec.recognizer import FaceRecognizer

Preprocessing = Literal["inside", "outside"]
PT2_METADATA = "facerec.json"
PARITY_BATCHES = (1, 3, 8)
PARITY_TOLERANCE = 1e-4


class Parity(NamedTuple):
    """Difference between the exported model and PyTorch on random images, in batches of several sizes.

    Attributes:
        largest_difference: largest difference of an entry, as a share of the largest entry.
        lowest_cosine: lowest cosine of an embedding and its counterpart.
    """

    largest_difference: float
    lowest_cosine: float


class ExportedNetwork(nn.Module):
    """Images to embeddings as in an evaluation, mirror image included, for tracing.

    Args:
        recognizer: recognizer of an Embedder, in float32.
        preprocessing: ``inside`` takes uint8 RGB (B, 3, *image_size), ``outside`` takes normalised floats.
    """

    def __init__(self, recognizer: FaceRecognizer, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.recognizer = shallow_copy(recognizer)
        self.recognizer.memory_format = torch.contiguous_format  # the runtime chooses its own
        self.recognizer.loss = nn.Identity()  # type: ignore[assignment]  # a .pt2 would keep the class weights
        if preprocessing == "outside":
            self.recognizer.preprocess = nn.Identity()  # type: ignore[assignment]

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images as float32 (B, D), not normalised."""
        return self.recognizer.embed(images_BCHW)


def export(embedder: Embedder, path: str | Path, preprocessing: Preprocessing = "inside") -> Parity:
    """Write ``.onnx`` or ``.pt2``, by the suffix, with a free batch dimension. Load it again and compare.

    Resizing stays outside: the file takes images of the model's size.

    Args:
        embedder: model of a checkpoint, in float32 on the CPU.
        path: file to write.
        preprocessing: whether the file scales and normalises the pixels itself.

    Returns:
        Difference between the file and PyTorch. Above ``PARITY_TOLERANCE`` nothing is written.

    Raises:
        ValueError: for another suffix, if the ``export`` extra is not installed, or if the exported model gives other
            embeddings.
    """
    writers = {".onnx": _write_onnx, ".pt2": _write_pt2}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise ValueError(f"--output {path}: the name has to end in .onnx or .pt2")
    network = ExportedNetwork(embedder.recognizer, preprocessing).eval()
    metadata = metadata_of(embedder, preprocessing)
    with written_whole(path) as temporary:
        embed = writers[suffix](network, temporary, _prepared(embedder, _pixels(embedder, 2), preprocessing), metadata)
        parity = _compare(embedder, embed, preprocessing)
        if not parity.largest_difference <= PARITY_TOLERANCE:
            raise ValueError(
                f"the exported model differs from PyTorch by {parity.largest_difference:.1e} of the largest value "
                f"(allowed: {PARITY_TOLERANCE:.0e}); {path} was not written"
            )
    return parity


def metadata_of(embedder: Embedder, preprocessing: Preprocessing) -> dict[str, Any]:
    """Description of the model in the exported file: preparation of images, fingerprint, threshold, alignment."""
    preprocess, alignment = embedder.recognizer.preprocess, embedder.alignment
    return {
        "version": __version__,
        "fingerprint": embedder.fingerprint,
        "preprocessing": preprocessing,
        "channels": "RGB",
        "image_size": list(preprocess.size),
        "image_mean": preprocess.mean,
        "image_std": preprocess.std,
        "calibration": embedder.calibration,
        "alignment": None if alignment is None else alignment.as_dict(),
    }


def _pixels(embedder: Embedder, count: int) -> Tensor:
    """Random uint8 images (count, 3, H, W) of the model's size."""
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 3, *embedder.image_size), dtype=torch.uint8, generator=generator)


def _prepared(embedder: Embedder, pixels_BCHW: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Images in the form that the exported model takes."""
    return pixels_BCHW if preprocessing == "inside" else embedder.recognizer.preprocess(pixels_BCHW)


def _write_onnx(
    network: nn.Module, path: Path, examples_BCHW: Tensor, metadata: dict[str, Any]
) -> Callable[[Tensor], Tensor]:
    try:
        import onnxruntime  # noqa: F401  # to fail now, not after the export
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(f'ONNX needs an extra ({error}): pip install "facerec[export]"') from error
    program = torch.onnx.export(
        network,
        (examples_BCHW,),
        dynamo=True,
        input_names=["images"],
        output_names=["embeddings"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(
        {f"{METADATA_PREFIX}{key}": json.dumps(value) for key, value in metadata.items()}
    )
    program.save(str(path), external_data=False)
    return OnnxModel(path).run


def _write_pt2(
    network: nn.Module, path: Path, examples_BCHW: Tensor, metadata: dict[str, Any]
) -> Callable[[Tensor], Tensor]:
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(network, (examples_BCHW,), dynamic_shapes=shapes, strict=False)
    torch.export.save(program, path, extra_files={PT2_METADATA: json.dumps(metadata)})
    loaded: nn.Module = torch.export.load(path).module()
    return loaded


@torch.inference_mode()
def _compare(embedder: Embedder, embed: Callable[[Tensor], Tensor], preprocessing: Preprocessing) -> Parity:
    """The largest difference over batches of several sizes, all unlike the traced one. NaN stays NaN."""
    differences, cosines = [], []
    for count in PARITY_BATCHES:
        pixels_BCHW = _pixels(embedder, count)
        expected_BD = embedder(pixels_BCHW)
        got_BD = embed(_prepared(embedder, pixels_BCHW, preprocessing))
        differences.append((got_BD - expected_BD).abs().max() / expected_BD.abs().max())
        cosines.append(torch.cosine_similarity(got_BD, expected_BD).min())
    return Parity(float(torch.stack(differences).max()), float(torch.stack(cosines).min()))
