"""``facerec plot``: figures for a report, from runs and checkpoints."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from facerec import plots
from facerec.cli.command_parser import CommandParser, block, command_parser
from facerec.cli.model_options import add_trust_options, report_left_out
from facerec.cli.plot_faces import add_faces_options, faces
from facerec.cli.plot_look import add_look_options, look
from facerec.cli.plot_sources import IMAGES, dev_images, folders_of, measured_of, same_people, training_people
from facerec.cli.status import Status
from facerec.files import check_writable
from facerec.inference.encoding import BATCH_SIZE, LeftOut
from facerec.plots.confusion import require_classifier
from facerec.plots.curves import SMOOTHING
from facerec.plots.names import file_stem, short_names
from facerec.plots.plane import plane_directions, require_plane
from facerec.plots.projection import require_scikit_learn
from facerec.plots.styles import DPI, MOST_PEOPLE
from facerec.reports.kept_scores import MeasuredRun
from facerec.reports.quality import FMR
from facerec.reports.results import write_figure
from facerec.settings import require_within

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
OTHER_PICTURES = (".pdf", ".eps", ".ps", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff")
FOLDER = "plots"
PEOPLE = 10
PEOPLE_OF_ANGLES = 100
PEOPLE_OF_CONFUSION, MOST_OF_CONFUSION = 20, 60
OF_LOADED = ("root", "device", "batch_size", "trust", "raw_weights")
OF_CHECKPOINTS = ("seed", *OF_LOADED)
OF_NETWORKS = ("people", *OF_CHECKPOINTS)
OF_EVERYBODY = ("people", *OF_LOADED)
OF_LOOK = ("pair", "panel", "patch", "align", "images")
OF_QUALITY = ("quality", "fmr")
OF_FACES = ("detector", "model", "min_score", "template", "face")
NAMED = {"RUN": "runs/NAME", "IMAGE": "PHOTOGRAPH.jpg"}
SPELLED = {"root": "--data.root"}
EXAMPLES = """\
facerec plot curves runs/orl_resnet18_arcface runs/mine
facerec plot tsne runs/mine runs/theirs --seed 3                   the same 10 people, side by side
facerec plot roc runs/mine runs/theirs --title "ORL" -o figures    after facerec test --ckpt_path of both
facerec plot look runs/mine --pair A.jpg B.jpg --panel score
facerec plot faces photographs/
facerec plot margins -o margins.svg"""
MEANINGS = {Status.INCOMPLETE: "drawn, but some images could not be used"}


class Drawn(NamedTuple):
    """A figure, what is in it by name, and of each set of images those that could not be used, and how many it has."""

    figure: "Figure"
    names: list[str]
    left_out: Sequence[tuple[Sequence[LeftOut], int]] = ()


class Kind(NamedTuple):
    """A kind of figure.

    Attributes:
        purpose: what it shows, and what it needs.
        title: of the figure, where none is given.
        draw: makes it from the options of the command.
        options: names of the options that it takes, beside those of every kind.
        takes: what must be given: RUN, IMAGE, or nothing.
    """

    purpose: str
    title: str
    draw: Callable[[argparse.Namespace], Drawn]
    options: tuple[str, ...] = ()
    takes: str = "RUN"


def main(args: list[str]) -> Status:
    """Draw a figure.

    Args:
        args: see ``facerec plot --help``.

    Returns:
        DONE, or INCOMPLETE if images could not be used.

    Raises:
        ValueError: for a wrong setting, or a network or run that the kind cannot draw.
        FileNotFoundError: for what is missing, naming the command that makes it.
    """
    parser = make_parser()
    options = parser.parse_intermixed_args(args)
    kind = KINDS[options.kind]
    _check(parser, options, kind)
    options.title = options.title or kind.title
    output = Path(options.output or FOLDER)
    is_file = _names_format(output)
    check_writable(output if is_file else output / f"{options.kind}.{FORMATS[0]}")
    drawn = kind.draw(options)
    stem = file_stem(options.kind, drawn.names)
    formats = (options.format or ",".join(FORMATS)).split(",")
    for path in [output] if is_file else [output / f"{stem}.{suffix}" for suffix in formats]:
        write_figure(path, drawn.figure, DPI)
        print(path)
    for left_out, total in drawn.left_out:
        report_left_out(left_out, total)
    return Status.INCOMPLETE if any(left_out for left_out, _ in drawn.left_out) else Status.DONE


def _check(parser: CommandParser, options: argparse.Namespace, kind: Kind) -> None:
    """Refuse options that the kind does not take, and values out of range."""
    if kind.takes and not options.run:
        parser.error(f"{options.kind} needs {kind.takes}: facerec plot {options.kind} {NAMED[kind.takes]}")
    if options.run and not kind.takes:
        parser.error(f"{options.kind} needs no run: leave out {' '.join(options.run)}")
    for other in KINDS.values():
        for name in other.options:
            if _is_given(getattr(options, name)) and name not in kind.options:
                parser.error(f"{SPELLED.get(name, f'--{name}')} is of no use for {options.kind}: leave it out")
    if options.format is not None:
        if unknown := set(options.format.split(",")) - set(FORMATS):
            parser.error(
                f"--format {options.format}: no format {sorted(unknown)[0]!r}, give {' or '.join(FORMATS)}, "
                "or both with a comma"
            )
        if options.output and _names_format(Path(options.output)):
            parser.error(f"--output {options.output} names the format: leave out --format, or give a folder")
    if options.output and Path(options.output).suffix.lower() in OTHER_PICTURES:
        parser.error(f"--output {options.output}: facerec writes {' and '.join(FORMATS)}")
    options.batch_size = BATCH_SIZE if options.batch_size is None else options.batch_size
    options.device = options.device or "cpu"
    options.trust = options.trust or []
    require_within("--", 1, math.inf, batch_size=options.batch_size)


def _names_format(output: Path) -> bool:
    return output.suffix.lower()[1:] in FORMATS


def _is_given(value: object) -> bool:
    return value is not None and value is not False and value != []


def make_parser() -> CommandParser:
    """The options of ``facerec plot``."""
    width = max(map(len, KINDS))
    kinds = block("kinds", [f"{name:<{width}}  {kind.purpose}" for name, kind in KINDS.items()])
    parser = command_parser(
        "plot", "Draw a figure for a report, as PNG and SVG.", EXAMPLES, f"{kinds}\n\n{NOTES}", MEANINGS
    )
    parser.add_argument("kind", choices=list(KINDS), metavar="KIND", help="what to draw, see below")
    parser.add_argument(
        "run",
        nargs="*",
        metavar="RUN",
        help="runs, experiments (runs/NAME) or checkpoints, one or several; faces: images, folders or lists",
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", help=f"folder, or file ending in .png or .svg (default: {FOLDER})"
    )
    parser.add_argument("--format", metavar="LIST", help=f"formats, with commas (default: {','.join(FORMATS)})")
    parser.add_argument("--title", metavar="TEXT", help="title of the figure")
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="W",
        help=f"curves: weight of the past in [0, 1), 0 for none (default: {SMOOTHING})",
    )
    people = (
        f"number of people, drawn at random (default: {PEOPLE}; angles: {PEOPLE_OF_ANGLES}); confusion: the most "
        f"confused ones (default: {PEOPLE_OF_CONFUSION})"
    )
    parser.add_argument("--people", type=int, metavar="N", help=people)
    parser.add_argument(
        "--seed", type=int, metavar="S", help="seed of that choice, of t-SNE, and of look's images (default: 0)"
    )
    parser.add_argument(
        "--images",
        choices=list(IMAGES),
        help="tsne, pca, similarity, look: training images, dev images of the same people, or images of validation "
        "people (default: dev)",
    )
    parser.add_argument(
        "--quality", metavar="FILE", help="quality: qualities of the images beside the length of their embeddings"
    )
    parser.add_argument(
        "--fmr", type=float, metavar="RATE", help=f"quality: false match rate that fixes the threshold (default: {FMR})"
    )
    add_look_options(parser)
    add_faces_options(parser)
    parser.add_argument("--data.root", dest="root", metavar="DIR", help="data of another place than the training's")
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps (default: cpu)")
    parser.add_argument("--batch_size", type=int, metavar="N", help=f"images in a forward pass (default: {BATCH_SIZE})")
    add_trust_options(parser)
    return parser


def _curves(options: argparse.Namespace) -> Drawn:
    courses = plots.read_courses(folders_of(options))
    smoothing = SMOOTHING if options.smoothing is None else options.smoothing
    return Drawn(plots.curves_figure(courses, options.title, smoothing), [course.name for course in courses])


def _pca(options: argparse.Namespace) -> Drawn:
    sets = _same_people(options)
    return Drawn(plots.pca_figure(sets, options.title), [some.network for some in sets], _left_out(sets))


def _tsne(options: argparse.Namespace) -> Drawn:
    require_scikit_learn()
    sets = _same_people(options)
    figure = plots.tsne_figure(sets, options.title, options.seed or 0)
    return Drawn(figure, [some.network for some in sets], _left_out(sets))


def _left_out(sets: Sequence[plots.EmbeddedImages]) -> list[tuple[Sequence[LeftOut], int]]:
    return [(some.left_out, len(some.people) + len(some.left_out)) for some in sets]


def _similarity(options: argparse.Namespace) -> Drawn:
    sets = _same_people(options)
    return Drawn(plots.similarity_figure(sets, options.title), [some.network for some in sets], _left_out(sets))


def _same_people(options: argparse.Namespace) -> list[plots.EmbeddedImages]:
    return same_people(options, _people(options, MOST_PEOPLE))


def _people(options: argparse.Namespace, most: float, default: int = PEOPLE) -> int:
    count = default if options.people is None else int(options.people)
    require_within("--", 1, most, people=count)
    return count


def _of_tests(figure: "Callable[[Sequence[MeasuredRun], str], Figure]") -> Callable[[argparse.Namespace], Drawn]:
    """What draws a figure from the scores that tests kept."""

    def draw(options: argparse.Namespace) -> Drawn:
        tests = measured_of(options)
        return Drawn(figure(tests, options.title), short_names([test.name for test in tests]))

    return draw


def _quality(options: argparse.Namespace) -> Drawn:
    fmr = FMR if options.fmr is None else options.fmr
    require_within("--", 0.0, 1.0, low_excluded=True, fmr=fmr)
    tests = measured_of(options)
    figure = plots.quality_figure(tests, options.title, options.quality, fmr)
    return Drawn(figure, short_names([test.name for test in tests]))


def _plane(options: argparse.Namespace) -> Drawn:
    found = training_people(options, _people(options, MOST_PEOPLE), require_plane)
    planes = [plots.Plane(sets, plane_directions(network), network.identities) for network, sets in found]
    sets = [some for plane in planes for some in plane.sets]
    return Drawn(plots.plane_figure(planes, options.title), [network.name for network, _ in found], _left_out(sets))


def _angles(options: argparse.Namespace) -> Drawn:
    found = training_people(options, _people(options, math.inf, PEOPLE_OF_ANGLES), plots.class_directions)
    rows = []
    for network, sets in found:
        directions_CD = plots.class_directions(network)
        rows.append([(some, plots.angles_of(some, directions_CD, network.identities)) for some in sets])
    sets = [some for _, row in found for some in row]
    return Drawn(plots.angles_figure(rows, options.title), [network.name for network, _ in found], _left_out(sets))


def _look(options: argparse.Namespace) -> Drawn:
    return Drawn(*look(options))


def _faces(options: argparse.Namespace) -> Drawn:
    figure, names, left_out, total = faces(options)
    return Drawn(figure, names, [(left_out, total)])


def _confusion(options: argparse.Namespace) -> Drawn:
    count = _people(options, MOST_OF_CONFUSION, PEOPLE_OF_CONFUSION)
    found = dev_images(options, require_classifier)
    rows = [(some, plots.named_people(network, some)) for network, some in found]
    figure = plots.confusion_figure(rows, options.title, count)
    return Drawn(figure, [network.name for network, _ in found], _left_out([some for _, some in found]))


def _margins(options: argparse.Namespace) -> Drawn:
    return Drawn(plots.margins_figure(options.title), [])


KINDS = {
    "curves": Kind("train loss, dev accuracy and validation EER over epochs", "Training", _curves, ("smoothing",)),
    "tsne": Kind(
        "embeddings of a few people by t-SNE; needs scikit-learn",
        "Embeddings of the same people, t-SNE",
        _tsne,
        ("images", *OF_NETWORKS),
    ),
    "pca": Kind(
        "embeddings of a few people by principal components",
        "Embeddings of the same people, principal components",
        _pca,
        ("images", *OF_NETWORKS),
    ),
    "similarity": Kind(
        "cosines of all images of a few people with all others",
        "Cosines of the same people",
        _similarity,
        ("images", *OF_NETWORKS),
    ),
    "roc": Kind(
        "TAR over FAR of the test pairs; needs facerec test", "ROC of the test pairs", _of_tests(plots.roc_figure)
    ),
    "det": Kind(
        "FRR over FAR of the test pairs; needs facerec test", "DET of the test pairs", _of_tests(plots.det_figure)
    ),
    "scores": Kind(
        "histograms of genuine and impostor scores; needs facerec test",
        "Scores of the test pairs",
        _of_tests(plots.scores_figure),
    ),
    "calibration": Kind(
        "likelihood ratios claimed and found; needs facerec test",
        "Likelihood ratios of the test pairs",
        _of_tests(plots.calibration_figure),
    ),
    "groups": Kind(
        "error rates of groups of people; needs facerec test --groups",
        "Error rates of groups of test people, at each model's threshold",
        _of_tests(plots.groups_figure),
    ),
    "quality": Kind(
        "FNMR as images of low quality are discarded; needs facerec test",
        "Error against discard of the test pairs",
        _quality,
        OF_QUALITY,
    ),
    "cmc": Kind(
        "share identified over the rank; needs facerec test",
        "Identification of the test people (CMC)",
        _of_tests(plots.cmc_figure),
    ),
    "plane": Kind("features of a network with embedding_dim 2 or 3, and its classes", "Features", _plane, OF_NETWORKS),
    "angles": Kind("angles to the own and the nearest other class", "Angles to the classes", _angles, OF_NETWORKS),
    "look": Kind(
        "what a network sees: filters, maps, receptive fields, what carries a score",
        "What the network sees",
        _look,
        (*OF_LOOK, *OF_CHECKPOINTS),
    ),
    "faces": Kind(
        "what a face detector finds in photographs, before and after alignment",
        "Faces and their alignment",
        _faces,
        OF_FACES,
        takes="IMAGE",
    ),
    "confusion": Kind(
        "whom a classifier takes for whom, on the dev images", "Dev images named wrongly", _confusion, OF_EVERYBODY
    ),
    "margins": Kind(
        "boundaries of the margin losses between two classes; needs no RUN",
        "Decision boundaries of two classes, at the losses' defaults",
        _margins,
        takes="",
    ),
}
NOTES = f"""\
RUN is a run, an experiment or a checkpoint. A folder means its best checkpoint (tsne, pca, similarity, plane, angles,
confusion, look), all runs in it (curves), or their tests (roc, det, scores, calibration, groups, quality, cmc). Runs
that differ in seed, fold or validation group alone are one line of curves: their mean in a band of one standard
deviation.

tsne, pca and similarity draw the same people for every network, from the data of the first. plane and angles draw
training people of each network. Data are read where the training read them, or from --data.root. Markers tell
{MOST_PEOPLE} people apart.

quality discards images by the length of their embeddings, and by --quality: a CSV image,quality, or lines
`person number quality` below ID Num Score, as XQLFW has them. The threshold stays where --fmr of all pairs puts it.

look draws two images of one person of the data, or those of --pair. faces takes photographs in place of RUN, and needs
a face detector: see facerec align --help.

Files are called KIND_RUN.png and KIND_RUN.svg. An older file is replaced when the new one is complete."""
