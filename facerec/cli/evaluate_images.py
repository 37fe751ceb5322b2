"""What ``facerec evaluate`` measures where an ONNX model embeds images first."""

import argparse
import math
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from facerec.cli.evaluate_sources import Measured
from facerec.data.checks import check_pairs
from facerec.data.formats.pair_list import pair_list
from facerec.data.layouts import Layout, find_sources
from facerec.data.pair_doubts import counted
from facerec.data.sources import PairSource
from facerec.flip_test import FlipTest
from facerec.inference.encoding import encode
from facerec.inference.foreign_onnx import (
    PIXEL_SCALES,
    Channels,
    ForeignOnnx,
    PixelScale,
    is_of_facerec,
    scales_itself,
)
from facerec.inference.model import FaceModel
from facerec.inference.onnx_model import OnnxModel, open_session
from facerec.metrics import ScoreKind
from facerec.reports.evaluated import Scored, require_labels
from facerec.reports.pair_scoring import score_set
from facerec.reports.scored import ScoredSet
from facerec.settings import require_within
from facerec.transforms.preprocess import PerChannel

PREPARATION = ("image_size", "pixels", "pixel_mean", "pixel_std", "channels", "flip_test")


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Which images, and how the network wants them."""
    parser.add_argument("--data.root", dest="root", metavar="DIR", help="with --onnx: folder with test_pairs.txt")
    parser.add_argument(
        "--data.layout", dest="layout", choices=get_args(Layout), help="layout of DIR (default: detected)"
    )
    parser.add_argument("--images", metavar="FOLDER", help="with --onnx: folder that the paths of --pairs start from")
    preparation = parser.add_argument_group("how an ONNX model of another project wants its images")
    preparation.add_argument(
        "--image_size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="size (default: what the model's file says)",
    )
    preparation.add_argument(
        "--pixels",
        choices=PIXEL_SCALES,
        help="scale of pixels p: minus_one_to_one (p - 127.5) / 127.5, the default and insightface's; over_128 (p - "
        "127.5) / 128; zero_to_one p / 255; imagenet; unchanged p",
    )
    preparation.add_argument(
        "--pixel_mean", type=float, nargs="+", metavar="M", help="another scale: one number from 0 to 255, or R G B"
    )
    preparation.add_argument("--pixel_std", type=float, nargs="+", metavar="S", help="its divisor: one, or R G B")
    preparation.add_argument("--channels", choices=get_args(Channels), help="order of the channels (default: RGB)")
    preparation.add_argument(
        "--flip_test", choices=get_args(FlipTest), help="embed the mirror image too (default: do not)"
    )


def measured_images(options: argparse.Namespace) -> Measured:
    """The pairs of images, as an ONNX model sees them.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: for a model, setting, list or image that cannot be used.
    """
    model = onnx_model(options)
    tests, validation = _sources(options)
    sets = {
        stage: {name: _scored(options, model, stage, name, source) for name, source in sources.items()}
        for stage, sources in (("val", validation), ("test", tests))
    }
    flip_test = model.flip_test if isinstance(model, ForeignOnnx) else None
    return Measured(sets["test"], sets["val"], options.score, options.onnx, flip_test, has_images=True)


def onnx_model(options: argparse.Namespace) -> FaceModel:
    """The model, and one line about how it wants its images.

    Raises:
        ValueError: if the file says how to prepare images, and options say so too.
    """
    if not Path(options.onnx).is_file():
        raise FileNotFoundError(f"no ONNX model {options.onnx}")
    if is_of_facerec(open_session(options.onnx)):
        given = [name for name in PREPARATION if getattr(options, name) is not None]
        if given:
            raise ValueError(
                f"--{given[0]}: {options.onnx} was written by `facerec export` and says how to prepare images. Leave "
                "it out"
            )
        return OnnxModel(options.onnx)
    scale, size = (
        _scale(options),
        None if options.image_size is None else (options.image_size[0], options.image_size[1]),
    )
    order: Channels = options.channels or "RGB"
    model = ForeignOnnx(options.onnx, size, scale, order, options.flip_test)
    first = scales_itself(options.onnx)
    if first is not None and scale != PIXEL_SCALES["unchanged"]:
        warnings.warn(
            f"{options.onnx} begins with {first}: it may scale its pixels itself. If so, give --pixels unchanged",
            stacklevel=2,
        )
    if len(model.outputs) > 1:
        print(f"{options.onnx} has the outputs {', '.join(model.outputs)}: the first is taken", file=sys.stderr)
    height, width = model.image_size
    print(f"images: {height} x {width}, {order}, (p - {_shown(scale.mean)}) / {_shown(scale.std)}", file=sys.stderr)
    return model


def _scale(options: argparse.Namespace) -> PixelScale:
    if options.pixel_mean is None and options.pixel_std is None:
        return PIXEL_SCALES[options.pixels or "minus_one_to_one"]
    if options.pixel_mean is None or options.pixel_std is None or options.pixels is not None:
        raise ValueError("give --pixel_mean and --pixel_std together, or --pixels alone")
    return PixelScale(*(_each(name, getattr(options, name)) for name in ("pixel_mean", "pixel_std")))


def _each(name: str, values: list[float]) -> PerChannel:
    if len(values) == 1:
        return values[0]
    if len(values) != 3:
        raise ValueError(f"--{name} {' '.join(map(str, values))}: give one number, or three for R, G and B")
    return values[0], values[1], values[2]


def _shown(value: PerChannel) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else f"({', '.join(f'{number:g}' for number in value)})"


def _sources(options: argparse.Namespace) -> tuple[Mapping[str, PairSource], Mapping[str, PairSource]]:
    """Sets to measure, and sets to choose a threshold on."""
    tests: Mapping[str, PairSource] = {}
    validation: Mapping[str, PairSource] = {}
    if options.root is not None:
        found = find_sources(options.root, options.layout)
        tests, validation = found.test_pairs, found.val_pairs
    if options.pairs is not None:
        tests = {options.name: pair_list(options.pairs, options.images)}
    if options.val_pairs is not None:
        validation = {options.name: pair_list(options.val_pairs, options.images)}
    if not tests:
        raise ValueError(f"--data.root {options.root} holds no test_pairs.txt: give --pairs LIST --images FOLDER")
    return tests, validation


def _scored(options: argparse.Namespace, model: FaceModel, stage: str, name: str, source: PairSource) -> Scored:
    require_within("--", 1, math.inf, batch_size=options.batch_size)
    require_labels(f"the {stage} pairs {name!r}", source)
    check_pairs(stage, {name: source})  # what misleads is told later, of all kinds of sets
    encoded = encode(model, source, options.batch_size, f"encoding {name}")
    if encoded.left_out:
        raise ValueError(
            f"{len(encoded.left_out)} images of the {stage} pairs {name!r} cannot be used: {encoded.left_out[0].reason}"
        )
    kind: ScoreKind = options.score
    indices = torch.from_numpy(np.arange(len(source)))
    found = score_set(source, counted(source), indices, encoded.embeddings, options.score, kind)
    assert isinstance(found, ScoredSet)  # it has labels
    return Scored(source, found)
