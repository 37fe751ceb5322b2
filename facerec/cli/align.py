"""``facerec align``: find the faces of a folder and bring them to a template."""

import argparse

from facerec.align.aligner import FACES, Face
from facerec.align.detectors import DETECTORS
from facerec.align.landmarks import TEMPLATES
from facerec.cli.messages import messages
from facerec.preparation.aligning import LANDMARKS_FILE, UNALIGNED_FILE, AlignedFolder, align_folder
from facerec.preparation.ways import ByCentre, ByDetector, ByLandmarks, Way

SOME_LEFT_OUT = 3
EPILOG = f"""examples:
  facerec align photos/ faces/
  facerec align photos/ faces96/ --template 96x112 --landmarks faces/{LANDMARKS_FILE}
  facerec align lfw/ lfw_aligned/ --landmarks lfw_landmark.txt --detector mtcnn
  facerec align lfw/ lfw_cropped/ --center_crop 0.5
  facerec align photos/ faces/ --detector opencv --model face_detection_yunet_2023mar.onnx --workers 4

DST keeps the folders and names of SRC, so lists of labels and pairs stay valid; they are not copied. It also gets
alignment.json (how it was aligned; training and testing read it, and warn where the two differ), {LANDMARKS_FILE}
(image and left eye, right eye, nose, left and right mouth corner in pixels of SRC, separated by tabs) and, if need be,
{UNALIGNED_FILE} (image, problem, reason).

Run the same command again to go on after an interruption: an image is made again if its aligned file is missing or
older than it, or its points are not in the list. Other settings need another DST.

detectors:
  yunet    pip install "facerec[align]" (Python 3.10 and 3.11, x86-64, Linux and Windows)
  mtcnn    pip install --no-deps facenet-pytorch && pip install requests
  opencv   pip install opencv-python-headless, and a YuNet network from OpenCV's model zoo
Align the training and the test images with the same one: with another, an EER of 1.6 % became 2.0 % (LFW,
MobileFaceNet).

exit status: 0 if every image was aligned, {SOME_LEFT_OUT} if some are in {UNALIGNED_FILE}, 1 for an error, 2 for a bad
option."""


@messages(1, resumes=True)
def main(args: list[str]) -> int:
    """Align a folder.

    Args:
        args: options; see ``facerec align --help``.

    Returns:
        Exit status: 0, 3 if some images could not be aligned, 1 for data or settings that cannot be used, 130 if
        interrupted.
    """
    options = _parser().parse_args(args)
    way = _way(options)
    summary = align_folder(options.source, options.destination, way, options.workers)
    print(f"{way.alignment}: {_describe(summary, options)}")
    return SOME_LEFT_OUT if summary.problems else 0


def _way(options: argparse.Namespace) -> Way:
    """The way to align that the options ask for.

    Raises:
        ValueError: for options that exclude each other.
    """
    if options.workers < 0:
        raise ValueError(f"--workers {options.workers}: must be 0 or more")
    by_points = options.landmarks is not None or options.center_crop is not None
    if options.landmarks is not None and options.center_crop is not None:
        raise ValueError("--landmarks and --center_crop exclude each other: a centre crop looks at no points")
    if by_points and (options.model is not None or options.min_score is not None or options.face is not None):
        raise ValueError("--model, --min_score and --face are for a detector; --landmarks and --center_crop use none")
    if options.center_crop is not None:
        if options.detector is not None:
            raise ValueError("--detector and --center_crop exclude each other: a centre crop looks for no face")
        return ByCentre(options.template, options.center_crop)
    if options.landmarks is not None:
        return ByLandmarks(options.landmarks, options.source, options.template, options.detector)
    face: Face = options.face or "largest"
    return ByDetector(options.detector or "yunet", options.template, face, options.min_score, options.model)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facerec align",
        description="Find the face in every image of a folder and bring its five points to those of a template.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="SRC", help="folder of images, also in folders in it")
    parser.add_argument("destination", metavar="DST", help="new or empty folder, or one to go on with")
    parser.add_argument(
        "--template",
        choices=list(TEMPLATES),
        default="112x112",
        help="size and points of the aligned face, width x height (%(default)s); 96x112 is model.image_size [112, 96]",
    )
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        help="what finds the faces (yunet); with --landmarks, what had found them, to be kept with the set",
    )
    parser.add_argument("--model", metavar="FILE", help="network for --detector opencv")
    parser.add_argument("--min_score", type=float, help="from which score a face is one (yunet 0.6, others 0.9)")
    parser.add_argument("--face", choices=FACES, help="which face of several is taken (largest)")
    parser.add_argument(
        "--landmarks", metavar="FILE", help="take the points from a list 'image [label] x1 y1 ... x5 y5', by tabs"
    )
    parser.add_argument(
        "--center_crop",
        type=float,
        nargs="?",
        const=1.0,
        metavar="FRACTION",
        help="cut out the middle instead, this fraction of the largest part with the template's aspect ratio (1.0)",
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that align at a time (%(default)s: this one)")
    return parser


def _describe(summary: AlignedFolder, options: argparse.Namespace) -> str:
    parts = [f"{summary.made} images aligned into {options.destination}"]
    if summary.kept:
        parts.append(f"{summary.kept} were there already")
    if summary.several_faces:
        parts.append(f"{summary.several_faces} show several faces, of which the {options.face or 'largest'} was taken")
    if summary.problems:
        counts = ", ".join(f"{count} {problem}" for problem, count in sorted(summary.problems.items()))
        parts.append(
            f"{sum(summary.problems.values())} left out ({counts}), see {options.destination}/{UNALIGNED_FILE}"
        )
    if summary.strays:
        parts.append(
            f"{len(summary.strays)} images of {options.destination} belong to none of {options.source}, "
            f"{summary.strays[0]} for one: remove them unless you put them there"
        )
    return "; ".join(parts)
