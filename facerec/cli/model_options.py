"""What the commands that use a model have in common: options, the model they name, and how images are embedded."""

import argparse
import math
import sys
from collections.abc import Sequence
from typing import get_args

import torch

from facerec.align.record import UNKNOWN, difference
from facerec.cli.alignment_hint import alignment_hint
from facerec.cli.runs import chosen_checkpoint
from facerec.data.sources import Images
from facerec.inference.alignment import AlignedImages, alignment_for, make_aligner
from facerec.inference.embedder import Embedder, Precision
from facerec.inference.encoding import BATCH_SIZE, LARGEST_BATCH, Encoded, LeftOut, encode
from facerec.inference.images import ImageFiles
from facerec.inference.model import FaceModel, load_model
from facerec.settings import require_within

CHECKPOINT = "checkpoint of `facerec fit`, or a folder with it: runs/NAME means the best one of its newest run"
LEFT_OUT = "An image that cannot be used is named on standard error, counted and left out."


def add_images_argument(parser: argparse.ArgumentParser, *, needed: bool = True) -> None:
    """Images by path, folder, list or standard input."""
    parser.add_argument(
        "image",
        nargs="+" if needed else "*",
        metavar="IMAGE",
        help="images, folders, lists of paths, or - for paths on stdin",
    )


def add_threshold_option(parser: argparse.ArgumentParser) -> None:
    """The cosine that decides."""
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="COSINE",
        help="lowest cosine of one person's images (default: the model's calibrated threshold)",
    )


def add_checkpoint_option(parser: argparse.ArgumentParser, kinds: str = CHECKPOINT) -> None:
    """The checkpoint, and what it may name."""
    parser.add_argument("--ckpt_path", required=True, metavar="PATH", help=kinds)
    add_trust_options(parser)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """What a checkpoint may name."""
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE",
        help="module of your own whose classes the checkpoint names; facerec imports no other",
    )


def add_trust_options(parser: argparse.ArgumentParser) -> None:
    """What a checkpoint may name, and which of its weights are taken."""
    add_trust_option(parser)
    parser.add_argument(
        "--raw_weights",
        action="store_true",
        help="take the weights as they were trained, where the checkpoint offers their average",
    )


def add_model_options(parser: argparse.ArgumentParser, *, onnx: bool = True) -> None:
    """The model, and how it runs.

    Args:
        parser: that gets the options.
        onnx: whether an exported ``.onnx`` model does as well.
    """
    add_checkpoint_option(parser, f"{CHECKPOINT}; or an .onnx of `facerec export`" if onnx else CHECKPOINT)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or mps (default: %(default)s)")
    parser.add_argument(
        "--precision",
        choices=get_args(Precision),
        default="float32",
        help="precision of the network (default: %(default)s); bfloat16 is faster on processors that have its "
        "instructions, and changes the third digit of a score",
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        metavar="N",
        help=f"images in a forward pass (default: {BATCH_SIZE}, on a GPU up to {LARGEST_BATCH} by its memory)",
    )
    parser.add_argument(
        "--align",
        action="store_true",
        help="for photographs: find the face first, and align it as the training images were aligned",
    )


def model_of(options: argparse.Namespace) -> FaceModel:
    """The model that the options name."""
    check_device(options.device)
    path, settings = chosen_checkpoint(options.ckpt_path), (options.device, options.precision, options.trust)
    return load_model(path, *settings, raw_weights=options.raw_weights)


def embedder_of(options: argparse.Namespace) -> Embedder:
    """The checkpoint that the options name.

    Raises:
        ValueError: for a file that is no checkpoint.
    """
    check_device(options.device)
    path, settings = chosen_checkpoint(options.ckpt_path), (options.device, options.precision, options.trust)
    return Embedder.from_checkpoint(path, *settings, raw_weights=options.raw_weights)


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        ValueError: naming it.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"--device {device} cannot be used here: {str(error).splitlines()[0]}") from error


def encode_with(options: argparse.Namespace, model: FaceModel, source: Images) -> Encoded:
    """Embed the images as the options say, and name those that could not be used."""
    if options.batch_size is not None:
        require_within("--", 1, math.inf, batch_size=options.batch_size)
    encoded = encode(model, as_trained(options, model, source), options.batch_size)
    report_left_out(encoded.left_out, len(source))
    return encoded


def as_trained(options: argparse.Namespace, model: FaceModel, source: Images) -> Images:
    """The images, aligned if the options say so.

    Where they are not aligned as the training images were, a line on standard error says so.
    """
    if options.align:
        aligner, trained_on = make_aligner(alignment_for(model.alignment)), model.alignment
        source = AlignedImages(source, aligner)
        message = None if trained_on is None else difference(trained_on, aligner.alignment, "these images")
    else:
        message = alignment_hint(model.alignment, source)
    if message:
        print(message, file=sys.stderr)
    return source


def report_unread(source: Images) -> bool:
    """Name and count the files in the folders of the images that are not read; whether there are any."""
    lines = source.unread()
    for line in lines:
        print(line, file=sys.stderr)
    return bool(lines)


def usable_names(source: ImageFiles, encoded: Encoded) -> list[str]:
    """Paths of the images that could be used."""
    return [name for name, usable in zip(source.names, encoded.usable, strict=True) if usable]


def alignment_name(options: argparse.Namespace, model: FaceModel, source: Images) -> str:
    """Detector and template by which the faces are aligned, now or before; empty where that is unknown."""
    how = alignment_for(model.alignment) if options.align else source.alignment
    return f"{how.detector} {how.template}" if how and how.detector != UNKNOWN else ""


def report_left_out(left_out: Sequence[LeftOut], total: int) -> None:
    """Name the images that could not be used, and count them."""
    for image in left_out:
        print(f"left out: {image.reason}", file=sys.stderr)
    if left_out:
        print(f"{len(left_out)} of {total} images could not be used", file=sys.stderr)
