"""What ``facerec plot`` draws from: the runs, tests and networks that are named, and images of their people."""

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from facerec.cli.configuration import data_module
from facerec.cli.model_options import check_device
from facerec.cli.runs import chosen_checkpoint, run_of
from facerec.cli.saved_settings import from_checkpoint
from facerec.data import FaceDataModule
from facerec.data.people import UNKNOWN
from facerec.data.sources import Images
from facerec.inference import Embedder
from facerec.plots.names import short_names
from facerec.plots.people import EmbeddedImages, Network, draw_people, embed_people, names_of
from facerec.reports.kept_scores import MeasuredRun, measured_runs
from facerec.reports.runs import find_runs

IMAGES = {"train": "training images", "dev": "dev images", "val": "images of validation people"}
"""What --images names, and what that is called in a figure."""


def folders_of(options: argparse.Namespace) -> list[Path]:
    """The folders of the runs that are named, each once.

    Raises:
        FileNotFoundError: if a folder does not exist.
        ValueError: if there is no run in it, or a file is not from a run.
    """
    return find_runs([_run_or_folder(path) for path in options.run])


def measured_of(options: argparse.Namespace) -> list[MeasuredRun]:
    """The tests of the runs that are named, each once.

    Raises:
        FileNotFoundError: if a run was not tested, naming the command that does it.
        ValueError: if a file cannot be read, or is not from a run.
    """
    tests = [test for path in options.run for test in measured_runs(_run_or_folder(path))]
    return list({test.folder.resolve(): test for test in tests}.values())


def _run_or_folder(path: str) -> str:
    """The path, or the run that it is a checkpoint of."""
    if Path(path).suffix != ".ckpt":
        return path
    run = run_of(path)
    if run is None:
        raise ValueError(f"{path} is in no run, and what is drawn is kept with runs: name a folder, runs/NAME")
    return str(run)


def networks_of(options: argparse.Namespace) -> list[tuple[Network, FaceDataModule]]:
    """The checkpoints that are named, each with the data that it was trained on.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: for a file that is no checkpoint, or holds no configuration.
    """
    return [(network_of(options, *named), data_of(options, named[1])) for named in checkpoints_of(options)]


def checkpoints_of(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Name in a figure and file of each checkpoint that is named, each once.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: for a device that is not there.
    """
    check_device(options.device)
    paths = [chosen_checkpoint(path, option=f"plot {options.kind}") for path in options.run]
    paths = list(dict.fromkeys(paths))
    runs = [str(run_of(path) or path) for path in paths]
    names = short_names(runs if len(set(runs)) == len(runs) else paths)
    return list(zip(names, paths, strict=True))


def network_of(options: argparse.Namespace, name: str, path: str) -> Network:
    """The network of a checkpoint."""
    embedder = Embedder.from_checkpoint(path, options.device, trust=options.trust, raw_weights=options.raw_weights)
    return Network(name, embedder)


def data_of(options: argparse.Namespace, path: str) -> FaceDataModule:
    """The data that a checkpoint was trained on, or those of ``--data.root``."""
    settings = yaml.safe_load(from_checkpoint(path, "test", options.trust))
    if options.root is not None:
        settings["data"] = {**(settings.get("data") or {}), "root": options.root}
    return data_module(settings)


def same_people(options: argparse.Namespace, count: int) -> list[EmbeddedImages]:
    """Images of the same people as each network sees them. The data are those of the first network.

    Args:
        options: of the command.
        count: number of people.

    Raises:
        ValueError: if there are no such images, or nobody is known on them.
    """
    networks = networks_of(options)
    kind = options.images or "dev"
    source = images_of(networks[0][1], kind)
    people = draw_people(names_of(source), count, options.seed or 0)
    warn_of_strangers([network for network, _ in networks], people)
    return [embed_people(network, source, people, IMAGES[kind], options.batch_size) for network, _ in networks]


def training_people(
    options: argparse.Namespace, count: int, require: Callable[[Network], object]
) -> list[tuple[Network, list[EmbeddedImages]]]:
    """Each network, with training and dev images of some of its own training people. Without dev images, the former.

    Args:
        options: of the command.
        count: number of people.
        require: refuses a network that cannot be drawn, before any image is read.

    Raises:
        ValueError: for such a network, or if there are no training images.
    """
    found = []
    for network, data in _required_networks(options, require):
        known = set(network.identities)
        names = [name for name in names_of(images_of(data, "train")) if name in known]
        people = draw_people(names, count, options.seed or 0)
        kinds = ["train", "dev"] if data.dev is not None and set(names_of(data.dev)) & set(people) else ["train"]
        sets = [
            embed_people(network, images_of(data, kind), people, IMAGES[kind], options.batch_size) for kind in kinds
        ]
        found.append((network, sets))
    return found


def dev_images(
    options: argparse.Namespace, require: Callable[[Network], object]
) -> list[tuple[Network, EmbeddedImages]]:
    """Each network, with the dev images of all its training people.

    Args:
        options: of the command.
        require: refuses a network that cannot be drawn, before any image is read.

    Raises:
        ValueError: for such a network, or if there are no dev images.
    """
    found = []
    for network, data in _required_networks(options, require):
        source = images_of(data, "dev")
        people = sorted(set(names_of(source)) & set(network.identities))
        found.append((network, embed_people(network, source, people, IMAGES["dev"], options.batch_size)))
    return found


def _required_networks(
    options: argparse.Namespace, require: Callable[[Network], object]
) -> list[tuple[Network, FaceDataModule]]:
    """The networks with their data. One that cannot be drawn is refused before any image is read."""
    networks = networks_of(options)
    for network, _ in networks:
        require(network)
    return networks


def images_of(data: FaceDataModule, kind: str) -> Images:
    """The training images, dev images, or those of validation people.

    Args:
        data: of a checkpoint.
        kind: what ``--images`` names.

    Raises:
        ValueError: if there are none, or nobody is known on them.
    """
    if kind == "val":
        known = [pairs for pairs in data.pair_sets("val").values() if set(names_of(pairs)) - {UNKNOWN}]
        if not known:
            raise ValueError("--images val: no validation pairs whose people are known. Give --images train or dev")
        return known[0]
    found = data.train if kind == "train" else data.dev
    if found is None:
        raise ValueError(
            f"no {IMAGES[kind]}: the checkpoint's data name none"
            + (". Give --images train or val, or --data.root DIR" if kind == "dev" else ". Give --data.root DIR")
        )
    return found


def warn_of_strangers(networks: Sequence[Network], people: Sequence[str]) -> None:
    """Say where a comparison is unfair: people are easier for a network that was trained on them."""
    trained = {network.name: len(set(people) & set(network.identities)) for network in networks}
    if len(set(trained.values())) > 1:
        told = ", ".join(f"{name} on {count}" for name, count in trained.items())
        warnings.warn(
            f"of these {len(people)} people the networks were trained on different numbers: {told}. "
            "They are not comparable",
            stacklevel=2,
        )
