"""``facerec export``: a checkpoint as ONNX or ``.pt2``, checked against PyTorch, or as a model folder to share."""

import argparse
from pathlib import Path
from typing import get_args

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.model_options import add_checkpoint_option
from facerec.cli.runs import chosen_checkpoint
from facerec.cli.status import Status
from facerec.inference.embedder import Embedder
from facerec.inference.export import PARITY_BATCHES, Preprocessing, export
from facerec.inference.sharing import NO_LICENCE, save_pretrained
from facerec.model_folders import DESCRIPTION, README, WEIGHTS

EXAMPLES = """\
facerec export --ckpt_path runs/NAME --output model.onnx
facerec verify A.jpg B.jpg --ckpt_path model.onnx
facerec export --ckpt_path runs/NAME --output model.pt2 --preprocessing outside
facerec export --ckpt_path runs/NAME --output my_model --licence mit
facerec verify A.jpg B.jpg --ckpt_path my_model"""
NOTES = """\
.onnx needs pip install "facerec[export]"; .pt2 needs nothing more.
Input `images`: (batch, 3, height, width) RGB at the model's size. It is uint8, or with --preprocessing outside
normalised float32. Output `embeddings`: (batch, D) float32, not normalised. The metadata of the file hold image_size,
image_mean, image_std (each one number, or three for R, G and B), the calibrated threshold and the model's fingerprint
(ONNX: metadata_props; .pt2: the extra file facerec.json).
A name without suffix is a model folder: model.safetensors, config.json and a README.md to complete. It has no class
weights and no names of people. `hf upload OWNER/NAME my_model` puts it on the Hugging Face Hub."""


def main(args: list[str]) -> Status:
    """Write the file and report how far it is from PyTorch.

    Args:
        args: see ``facerec export --help``.

    Returns:
        DONE.
    """
    options = make_parser().parse_args(args)
    path = chosen_checkpoint(options.ckpt_path)
    if not Path(options.output).suffix:
        return _share(options, path)
    embedder = Embedder.from_checkpoint(path, trust=options.trust, raw_weights=options.raw_weights)
    parity = export(embedder, options.output, options.preprocessing)
    size = Path(options.output).stat().st_size / 2**20
    height, width = embedder.image_size
    print(f"{options.output}: {size:.1f} MiB, images {height}x{width}, preprocessing {options.preprocessing}")
    print(
        f"against PyTorch, batches of {', '.join(map(str, PARITY_BATCHES))}: largest difference "
        f"{parity.largest_difference:.1e} of the largest value, lowest cosine {parity.lowest_cosine:.7f}"
    )
    return Status.DONE


def _share(options: argparse.Namespace, path: str) -> Status:
    """Write a model folder."""
    folder = save_pretrained(path, options.output, options.licence, options.trust, raw_weights=options.raw_weights)
    for file in (WEIGHTS, DESCRIPTION, README):
        print(f"{folder / file}: {(folder / file).stat().st_size:,} bytes")
    print(f"Before you publish it, complete {folder / README}: data, intended use, results.")
    return Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec export``."""
    description = "Write a checkpoint as ONNX or .pt2, for batches of any size, or as a model folder to share."
    parser = command_parser("export", description, EXAMPLES, NOTES)
    add_checkpoint_option(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="file named .onnx or .pt2, or folder")
    parser.add_argument(
        "--preprocessing",
        choices=get_args(Preprocessing),
        default="inside",
        help="whether the file itself scales and normalises the pixels (default: %(default)s)",
    )
    parser.add_argument(
        "--licence", default=NO_LICENCE, metavar="NAME", help="licence of a model folder (default: %(default)s)"
    )
    return parser
