"""``facerec backbones``: the size and cost of each network, computed, and its speed, measured here."""

import argparse
import math
from difflib import get_close_matches
from functools import partial

import torch

from facerec.backbones import Backbone, TimmBackbone
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.cost import count_parameters, images_per_second, multiply_adds
from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.status import Status
from facerec.settings import require_within

COURSE_LIMIT = 30_000_000
TIMM = "timm:"
EXAMPLES = """\
facerec backbones
facerec backbones resnet34 iresnet50 timm:resnet50 --image_size 112 96
facerec backbones --no_speed --max_params 5000000"""
MEANINGS = {Status.INCOMPLETE: "a network that was named does not take the settings"}


def main(args: list[str]) -> Status:
    """Print the table.

    Args:
        args: options and names; see ``facerec backbones --help``.

    Returns:
        DONE, or INCOMPLETE if a network that was named does not take the settings.
    """
    options = make_parser().parse_args(args)
    require_within("--", 1, math.inf, batch_size=options.batch_size)
    names = options.names or list(CATALOGUE)
    _refuse_unknown(names)
    height, width = options.image_size
    rate = "" if options.no_speed else f" {'images/s':>9}"
    print(f"{'network':<18} {'parameters':>12} {'multiply-adds':>14} {'embedding':>9}{rate}  at {height}x{width}")
    refused = 0
    for name in names:
        try:
            print(_row(name, options), flush=True)
        except ValueError as error:  # the size is too small for this network
            refused += 1
            print(f"{name:<18} {error}", flush=True)
    print(
        f"* above {options.max_params:,} parameters (--max_params); the setting model.max_params refuses such a network"
    )
    if not options.no_speed:
        print(f"images/s: forward, float32, batches of {options.batch_size}, {torch.get_num_threads()} threads")
    return Status.INCOMPLETE if refused and options.names else Status.DONE


def _refuse_unknown(names: list[str]) -> None:
    """Refuse a name that is not in the catalogue.

    Raises:
        ValueError: naming the nearest ones.
    """
    unknown = [name for name in names if name not in CATALOGUE and not name.startswith(TIMM)]
    if unknown:
        near = get_close_matches(unknown[0], CATALOGUE, n=3) or list(CATALOGUE)
        raise ValueError(f"no network {unknown[0]!r}: choose one of {', '.join(near)}")


def make_parser() -> CommandParser:
    """The options of ``facerec backbones``."""
    description = "List the parameters and multiply-adds of each network, and measure its speed on this machine."
    parser = command_parser("backbones", description, EXAMPLES, meanings=MEANINGS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks to list, or timm:NAME (default: all)")
    parser.add_argument(
        "--image_size",
        type=int,
        nargs=2,
        default=(112, 112),
        metavar=("HEIGHT", "WIDTH"),
        help="size of the images (default: 112 112)",
    )
    parser.add_argument(
        "--embedding_dim", type=int, metavar="D", help="length of the embedding (default: each network's own)"
    )
    parser.add_argument(
        "--max_params",
        type=int,
        default=COURSE_LIMIT,
        metavar="N",
        help="number of parameters above which a network is marked (default: %(default)s)",
    )
    parser.add_argument(
        "--batch_size", type=int, default=8, metavar="N", help="images in a forward pass (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="measuring time for each network (default: %(default)s)"
    )
    parser.add_argument("--no_speed", action="store_true", help="list only what is computed, which takes seconds")
    return parser


def _make(name: str, options: argparse.Namespace) -> Backbone:
    """The network of that name, for the size of the images."""
    make = partial(TimmBackbone, name.removeprefix(TIMM)) if name.startswith(TIMM) else CATALOGUE[name]
    backbone = make() if options.embedding_dim is None else make(embedding_dim=options.embedding_dim)
    backbone.build(tuple(options.image_size))
    return backbone


def _row(name: str, options: argparse.Namespace) -> str:
    with torch.device("meta"):  # sizes alone: no memory, no arithmetic
        sketch = _make(name, options)
        macs = multiply_adds(sketch, tuple(options.image_size))
    parameters = count_parameters(sketch)
    mark = "*" if parameters > options.max_params else " "
    row = f"{name:<18} {parameters:>11,}{mark} {macs / 1e6:>13,.0f}M {sketch.embedding_dim:>9}"
    if options.no_speed:
        return row
    images = torch.randn(options.batch_size, 3, *options.image_size)
    fast = _make(name, options).to(memory_format=torch.channels_last)
    rate = images_per_second(fast, images.contiguous(memory_format=torch.channels_last), options.seconds)
    return f"{row} {rate:>9,.0f}"
