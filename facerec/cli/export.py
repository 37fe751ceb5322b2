"""``facerec export``: a checkpoint as ONNX or ``.pt2``, checked against PyTorch."""

import argparse
from pathlib import Path
from typing import get_args

from facerec.cli.messages import messages
from facerec.cli.model_options import ERROR, YES, command_parser
from facerec.inference.embedder import Embedder
from facerec.inference.export import PARITY_BATCHES, Preprocessing, export

EXAMPLES = """\
  facerec export --ckpt_path best.ckpt --output model.onnx
  facerec verify A.jpg B.jpg --ckpt_path model.onnx
  facerec export --ckpt_path best.ckpt --output model.pt2 --preprocessing outside

Input `images`: (batch, 3, height, width) RGB at the model's size, uint8, or with --preprocessing outside floats that
are normalised. Output `embeddings`: (batch, D) float32, not normalised. The file's metadata hold image_size,
image_mean, image_std, the calibrated threshold and the model's fingerprint (ONNX: metadata_props; .pt2: the extra
file facerec.json)."""


@messages(ERROR)
def main(args: list[str]) -> int:
    """Write the file and report how far it is from PyTorch.

    Args:
        args: see ``facerec export --help``.

    Returns:
        0.
    """
    options = _parser().parse_args(args)
    embedder = Embedder.from_checkpoint(options.ckpt_path)
    parity = export(embedder, options.output, options.preprocessing)
    size = Path(options.output).stat().st_size / 2**20
    height, width = embedder.image_size
    print(f"{options.output}: {size:.1f} MiB, images {height}x{width}, preprocessing {options.preprocessing}")
    print(
        f"against PyTorch, batches of {', '.join(map(str, PARITY_BATCHES))}: largest difference "
        f"{parity.largest_difference:.1e} of the largest value, lowest cosine {parity.lowest_cosine:.7f}"
    )
    return YES


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("export", "Write a checkpoint as ONNX or .pt2, with a free batch dimension.", EXAMPLES)
    parser.add_argument("--ckpt_path", required=True, metavar="FILE", help="checkpoint of `facerec fit`")
    parser.add_argument("--output", required=True, metavar="FILE", help="ending in .onnx or .pt2")
    parser.add_argument(
        "--preprocessing",
        choices=get_args(Preprocessing),
        default="inside",
        help="whether scaling and normalising the pixels is part of the file (%(default)s)",
    )
    return parser
