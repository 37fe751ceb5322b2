"""``facerec split``: divide a folder of people into lists for training, validation and test."""

import shlex
from collections import Counter

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.status import Status
from facerec.inspection.report import NEAR_DISTANCE
from facerec.preparation.split_lists import PAIRS_FILES
from facerec.preparation.split_settings import SplitSettings
from facerec.preparation.splitting import SHARED_FILE, Split, split

NAMED = 3  # people or images that a line names
EXAMPLES = """\
facerec split faces/ set/
facerec fit --config experiments/lfw_resnet18_arcface.yaml --data.root set/
facerec split faces/ set/ --shares 85 15 0        without test people
facerec split faces/ set/ --min_images 4          train on people with four images or more
facerec split faces/ set/ --near_distance --keep_together"""
NOTES = f"""\
PEOPLE holds one folder of images for each person, itself or up to two levels below, as in train/ or images/. No image
is copied or moved: OUT gets lists, and split.json says where the images are, so OUT and PEOPLE can be moved together.
OUT may be PEOPLE itself.

A person's part depends on the name and the seed alone. Run the same command again after adding people or images: nobody
moves. Validation and test take everybody in their share; people of one image are in impostor pairs only. Dev images are
other images of the training people.

A photograph that two people have may mean one person under two names. {SHARED_FILE} lists such images, and
these people make no impostor pair. --keep_together puts them into one part, that of the first by name. So a newcomer
who shares a photograph may move others; the summary names them."""


def main(args: list[str]) -> Status:
    """Split a folder of people.

    Args:
        args: options; see ``facerec split --help``.

    Returns:
        DONE.
    """
    options = vars(make_parser().parse_args(args))
    people, out, workers = (options.pop(name) for name in ("people", "out", "workers"))
    settings = SplitSettings(**options | {"shares": tuple(options["shares"])})
    done = split(people, out, settings, workers)
    print("\n".join(_lines(done, out)))
    return Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec split``."""
    default = SplitSettings()
    description = "Divide a folder of people into lists of images and pairs for training, validation and test."
    parser = command_parser("split", description, EXAMPLES, NOTES)
    parser.add_argument("people", metavar="PEOPLE", help="folder of one folder of images for each person")
    parser.add_argument("out", metavar="OUT", help="folder for the lists")
    parser.add_argument(
        "--shares",
        type=float,
        nargs=3,
        default=default.shares,
        metavar=("TRAIN", "VAL", "TEST"),
        help="shares of the people, in any unit (default: 70 15 15)",
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="seed of the division (default: %(default)s)")
    parser.add_argument(
        "--min_images",
        type=int,
        default=default.min_images,
        help="fewest images of a training person (default: %(default)s)",
    )
    parser.add_argument(
        "--dev_share",
        type=float,
        default=default.dev_share,
        help="share of each training person's images that become dev images; two always stay (default: %(default)s)",
    )
    parser.add_argument(
        "--pairs_per_person",
        type=int,
        default=default.pairs_per_person,
        help="most genuine pairs of a person (default: %(default)s)",
    )
    parser.add_argument(
        "--impostor_ratio",
        type=float,
        default=default.impostor_ratio,
        help="impostor pairs for each genuine pair (default: %(default)s)",
    )
    parser.add_argument("--keep_together", action="store_true", help="put people who share a photograph into one part")
    parser.add_argument(
        "--near_distance",
        type=int,
        nargs="?",
        const=NEAR_DISTANCE,
        metavar="BITS",
        help="decode every image and count those that look alike as one photograph: largest number of the 256 bits of "
        f"the perceptual hash that differ ({NEAR_DISTANCE}); by default only identical files are found",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        help="processes that decode, for --near_distance; 0 is this process (default: %(default)s)",
    )
    return parser


def _lines(done: Split, out: str) -> list[str]:
    """The summary, line by line."""
    people, images = done.people, done.images
    lines = [
        f"{done.root}: divided into {out}",
        f"  train       {people['train']:>7,} people {images['train']:>9,} images, and {images['dev']:,} dev images",
    ]
    for part in PAIRS_FILES:
        if people[part]:
            genuine, impostor = done.pairs[part]
            pairs = f"{genuine:,} genuine and {impostor:,} impostor pairs"
            lines.append(f"  {part:<11} {people[part]:>7,} people {images[part]:>9,} images, {pairs}")
    lines += [*_left_out("people", done.left_out_people), *_left_out("images", done.left_out_images)]
    lines += done.unread
    if done.shared:
        lines.append(
            f"{len(done.shared):,} photographs are shared by several people, see {out}/{SHARED_FILE}: "
            f"{_some(done.shared[0])}"
        )
    if done.divided:
        lines.append(
            f"warning: {len(done.divided):,} people share a photograph with people of another part "
            f"({_some(done.divided)}); --keep_together in another OUT keeps them in one"
        )
    if done.moved:
        lines.append(
            f"warning: {len(done.moved):,} people are in another part than before ({_some(done.moved)}): a model that "
            "was trained on the earlier lists may have seen people of the new ones"
        )
    return [*lines, f"next: facerec fit --config CONFIG --data.root {shlex.quote(out)}"]


def _left_out(what: str, reasons: Counter[str]) -> list[str]:
    counts = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
    return [f"{what} left out: {counts}"] if counts else []


def _some(names: list[str]) -> str:
    return ", ".join([*names[:NAMED], *["..."] * (len(names) > NAMED)])
