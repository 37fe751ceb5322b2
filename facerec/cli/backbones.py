"""``facerec backbones``: what each network costs, computed and measured here."""

import argparse
import sys
from difflib import get_close_matches
from functools import partial

import torch

from facerec.backbones import Backbone, TimmBackbone
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.cost import count_parameters, images_per_second, multiply_adds
from facerec.cli.messages import messages

COURSE_LIMIT = 30_000_000
TIMM = "timm:"


@messages(status=1)
def main(args: list[str]) -> int:
    """Print the table.

    Args:
        args: options and names; see ``facerec backbones --help``.

    Returns:
        Exit status: 0; 1 if a named network does not take the settings; 2 for an unknown name.
    """
    options = _parser().parse_args(args)
    if options.batch_size < 1:
        raise ValueError(f"--batch_size {options.batch_size}: must be at least 1")
    names = options.names or list(CATALOGUE)
    unknown = [name for name in names if name not in CATALOGUE and not name.startswith(TIMM)]
    if unknown:
        near = get_close_matches(unknown[0], CATALOGUE, n=3) or list(CATALOGUE)
        print(f"facerec backbones: no network {unknown[0]!r}: choose one of {', '.join(near)}", file=sys.stderr)
        return 2
    height, width = options.image_size
    rate = "" if options.no_speed else f" {'images/s':>9}"
    print(f"{'network':<18} {'parameters':>12} {'multiply-adds':>14} {'embedding':>9}{rate}  at {height}x{width}")
    refused = 0
    for name in names:
        try:
            print(_row(name, options), flush=True)
        except ValueError as error:  # images too small for this network
            refused += 1
            print(f"{name:<18} {error}", flush=True)
    print(f"* above {options.max_params:,} parameters (--max_params); set model.max_params to refuse such a network")
    if not options.no_speed:
        print(f"images/s: forward, float32, batches of {options.batch_size}, {torch.get_num_threads()} threads")
    return 1 if refused and options.names else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facerec backbones",
        description="Parameters and multiply-adds of every network, computed, and its speed on this machine, measured.",
        allow_abbrev=False,
    )
    parser.add_argument("names", nargs="*", help="networks to list, e.g. resnet34 iresnet50 timm:resnet50; all if none")
    parser.add_argument("--image_size", type=int, nargs=2, default=(112, 112), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--embedding_dim", type=int, help="length of an embedding; each network's own by default")
    parser.add_argument("--max_params", type=int, default=COURSE_LIMIT, help="mark larger networks (%(default)s)")
    parser.add_argument("--batch_size", type=int, default=8, help="images of a forward pass (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds for each network (%(default)s)")
    parser.add_argument("--no_speed", action="store_true", help="leave the speed out; all networks then take seconds")
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
