"""What the commands that use a model have in common: options and exit status."""

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

import torch

from facerec.align.record import UNKNOWN, difference
from facerec.data.sources import Images
from facerec.inference.alignment import AlignedImages, alignment_for, make_aligner
from facerec.inference.embedder import Embedder, Precision
from facerec.inference.encoding import BATCH_SIZE, Encoded, LeftOut, encode
from facerec.inference.model import FaceModel, load_model

YES, NO, ERROR = 0, 1, 2
"""Exit status: all is well, or the same person; a different person, or nobody known; an error, or images left out."""
EXIT_STATUS = "an image that cannot be used is named, counted and left out; the exit status is then 2"


def command_parser(name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser with examples below its options."""
    return argparse.ArgumentParser(
        prog=f"facerec {name}",
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_model_options(parser: argparse.ArgumentParser, *, onnx: bool = True) -> None:
    """Options of the model and of how it runs."""
    kinds = "checkpoint of `facerec fit`" + (", or .onnx of `facerec export`" if onnx else "")
    parser.add_argument("--ckpt_path", required=True, metavar="FILE", help=kinds)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps (%(default)s)")
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="float32",
        help="of the network; bfloat16 is faster where the processor has the instructions, and changes scores in the "
        "third digit (%(default)s)",
    )
    parser.add_argument("--batch_size", type=int, default=BATCH_SIZE, help="images of a forward pass (%(default)s)")
    parser.add_argument(
        "--align",
        action="store_true",
        help="the images are photographs: first find the face and align it as the training images were",
    )


def model_of(options: argparse.Namespace) -> FaceModel:
    """The model that the options name."""
    _check_device(options.device)
    return load_model(options.ckpt_path, options.device, options.precision)


def embedder_of(options: argparse.Namespace) -> Embedder:
    """The checkpoint that the options name.

    Raises:
        ValueError: for a file that is no checkpoint.
    """
    _check_device(options.device)
    return Embedder.from_checkpoint(options.ckpt_path, options.device, options.precision)


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"--device {device} cannot be used here: {str(error).splitlines()[0]}") from error


def encode_with(options: argparse.Namespace, model: FaceModel, source: Images) -> Encoded:
    """Embed the images as the options say, and name those that could not be used.

    Where they are not aligned as the training images were, a line on standard error says so.
    """
    how, hint = source.alignment, "; or, for photographs, --align"
    if options.align:
        wanted = alignment_for(model.alignment)
        source, how, hint = AlignedImages(source, make_aligner(wanted)), wanted, ""
    if model.alignment is not None and (message := difference(model.alignment, how, "these images")):
        print(message + hint, file=sys.stderr)
    encoded = encode(model, source, options.batch_size)
    report_left_out(encoded.left_out, len(source))
    return encoded


def alignment_in_use(options: argparse.Namespace, model: FaceModel, source: Images) -> str:
    """Detector and template of the faces, by ``--align`` or by an earlier `facerec align`; empty if unknown."""
    how = alignment_for(model.alignment) if options.align else source.alignment
    return f"{how.detector} {how.template}" if how and how.detector != UNKNOWN else ""


def report_left_out(left_out: Sequence[LeftOut], total: int) -> None:
    """Name the images that could not be used, and count them."""
    for image in left_out:
        print(f"left out: {image.reason}", file=sys.stderr)
    if left_out:
        print(f"{len(left_out)} of {total} images could not be used", file=sys.stderr)
