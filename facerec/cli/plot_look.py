"""``facerec plot look``: the network that is named, and the images that it is shown."""

import argparse
from typing import TYPE_CHECKING

import numpy as np
import torch

from facerec.cli.model_options import as_trained
from facerec.cli.plot_sources import checkpoints_of, data_of, images_of, network_of
from facerec.data.people import UNKNOWN
from facerec.data.sources import Images
from facerec.inference.images import ImageFiles
from facerec.plots.look import PANELS, Subject, look_figure
from facerec.plots.look.occlusion import default_side, square_places
from facerec.plots.names import short_names
from facerec.plots.people import ChosenImages, Network, draw_people, names_of
from facerec.settings import require_choice
from facerec.transforms.preprocess import resize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MORE_IMAGES = 14  # beside the pair, for means over images
OF_DATA = {"images": "--images", "seed": "--seed", "root": "--data.root"}


def add_look_options(parser: argparse.ArgumentParser) -> None:
    """What ``look`` takes alone."""
    parser.add_argument(
        "--pair", nargs=2, metavar="IMAGE", help="look: two image files (default: two images of one person of the data)"
    )
    parser.add_argument("--panel", metavar="LIST", help=f"look: panels, with commas (default: {','.join(PANELS)})")
    parser.add_argument(
        "--patch", type=int, metavar="N", help="look: side in pixels of the occlusion's square (default: a seventh)"
    )
    parser.add_argument("--align", action="store_true", help="look: find the faces of --pair, and align them first")


def look(options: argparse.Namespace) -> tuple["Figure", list[str]]:
    """The figure, and the names for its file.

    Raises:
        ValueError: for several networks, an option out of range, or data without two images of one person.
        FileNotFoundError: if there is no such checkpoint or image.
    """
    panels = list(PANELS) if options.panel is None else options.panel.split(",")
    for panel in panels:
        require_choice("--", PANELS, panel=panel)
    if options.pair is None and options.align:
        raise ValueError("--align is for the two files of --pair: the images of the data are used as the training did")
    if options.pair is not None:
        for name, spelled in OF_DATA.items():
            if getattr(options, name) is not None:
                raise ValueError(f"{spelled} chooses images of the data, and --pair gives two files: leave one out")
    checkpoints = checkpoints_of(options)
    if len(checkpoints) > 1:
        raise ValueError(f"look draws one network, and {len(checkpoints)} are named: give one RUN")
    [(name, path)] = checkpoints
    network = network_of(options, name, path)
    size = network.embedder.image_size
    side = default_side(size) if options.patch is None else options.patch
    square_places(size, side)  # refuses a side that is out of range, before any image is read
    found, is_genuine = _given(options, network) if options.pair else _drawn(options, path)
    pixels_N3HW = torch.cat([resize(found.read(index)[None], size) for index in range(len(found))])
    first, second = short_names([found.name(0), found.name(1)])
    subject = Subject(network, pixels_N3HW[:2], (first, second), is_genuine, pixels_N3HW[2:], side, options.batch_size)
    named = [name] if options.panel is None else ["-".join(panels), name]
    return look_figure(subject, options.title, panels), named


def _given(options: argparse.Namespace, network: Network) -> tuple[Images, None]:
    """The two files of ``--pair``. Whether they show one person is unknown."""
    return as_trained(options, network.embedder, ImageFiles(options.pair)), None


def _drawn(options: argparse.Namespace, path: str) -> tuple[Images, bool]:
    """Two images of one person of the data, and images of anybody behind them."""
    kind = options.images or "dev"
    source = images_of(data_of(options, path), kind)
    names = np.array(names_of(source))
    known, counts = np.unique(names[names != UNKNOWN], return_counts=True)
    several = known[counts > 1].tolist()
    if not several:
        raise ValueError(
            f"--images {kind}: nobody is known on two images, and look draws a pair of one person. Give another of "
            "train, dev and val; or --pair with two files"
        )
    generator = np.random.default_rng(options.seed or 0)
    [person] = draw_people(several, 1, options.seed or 0)
    pair = generator.permutation(np.flatnonzero(names == person))[:2].tolist()
    others = [place for place in generator.permutation(len(names)).tolist() if place not in pair]
    return ChosenImages(source, [*pair, *others[:MORE_IMAGES]]), True
