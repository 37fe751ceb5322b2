"""What a logger shows of a training beside its curves: what the network gets, and where it fails."""

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from facerec.callbacks.accuracy import DevAccuracy
from facerec.callbacks.averages import offered
from facerec.callbacks.evaluation import data_of, recognizer_of
from facerec.callbacks.figure_loggers import show, takes_figures, tensorboards
from facerec.callbacks.projector import write_projector
from facerec.callbacks.scalar_layout import scalar_layout
from facerec.callbacks.training_images import training_figure
from facerec.callbacks.verification import Verification
from facerec.data.batches import Batch
from facerec.reports.confusions import confusions_figure, frequent_confusions
from facerec.reports.faces import image_grid, side_by_side
from facerec.reports.figures import evaluation_figures
from facerec.reports.summary import summarise

CONFUSED_IMAGES = 20


class Dashboard(Callback):
    """Shows a training in TensorBoard, and its figures in W&B and MLflow too. Without such a logger it does nothing.

    At the first step: the page of the Custom Scalars tab, and the images of a batch as the network gets them. At the
    end, of the last validation: the figures of ``facerec validate`` for each set of pairs, the training people who are
    confused most, and the embeddings of the validation people for the Projector tab.

    Faces are personal data. A log that others may see is better without them.

    Args:
        faces: whether loggers and results get images of faces. Names of people and of image files stay either way.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> callbacks = [DevAccuracy(), Verification(), Dashboard(faces=False)]  # it shows what the others measure
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, faces: bool = True) -> None:
        self.faces = faces
        self._validated: tuple[int, int] | None = None  # epoch, counted from 1, and optimizer steps

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """Show the first batch of a new training."""
        if trainer.global_step or batch_idx or not takes_figures(trainer):
            return
        recognizer = recognizer_of(pl_module)
        layout = scalar_layout(data_of(trainer).pair_sets("val"), recognizer.loss)
        for logger in tensorboards(trainer):
            logger.experiment.add_custom_scalars(layout)
        if self.faces:
            show(trainer, "train/images", training_figure(recognizer, batch), step=0)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note which weights were measured."""
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._validated = trainer.current_epoch + 1, trainer.global_step

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show where the network of the last validation fails."""
        if self._validated is not None and takes_figures(trainer):
            epoch, step = self._validated
            for accuracy in offered(trainer, DevAccuracy):
                self._show_confused(trainer, accuracy, f"epoch {epoch}", step)
            for verification in offered(trainer, Verification):
                self._show_pairs(trainer, verification, f"epoch {epoch}", step)

    def _show_confused(self, trainer: Trainer, accuracy: DevAccuracy, when: str, step: int) -> None:
        """The training people who are confused most, and their images."""
        data, people = data_of(trainer), recognizer_of(trainer.lightning_module).identities
        dev, train = data.known_dev_dataset(), data.train_dataset(people)
        if accuracy.named is None or dev is None or train is None:
            return
        images_N, named_N = accuracy.named
        confusions = frequent_confusions(dev.labels[images_N], named_N)
        stage = accuracy.logged_stage("val")
        title = f"{stage}, {when}: {int((dev.labels[images_N] != named_N).sum())} of {len(named_N)} dev images misnamed"
        show(trainer, f"{stage}/confused_people", confusions_figure(confusions, people, title), step)
        if self.faces and confusions:
            wrong = [(images_N[place], each.named) for each in confusions for place in each.places][:CONFUSED_IMAGES]
            example_of = {int(train.labels[image]): int(image) for image in train.indices[::-1]}
            pairs = [
                side_by_side([dev.source.read(int(image)), train.source.read(example_of[named])])
                for image, named in wrong
            ]
            captions = [f"{people[dev.labels[image]]}, named {people[named]}" for image, named in wrong]
            title = f"{stage}, {when}: misnamed dev images, each beside the person that it was named as"
            show(trainer, f"{stage}/confused_faces", image_grid(pairs, captions, title, columns=5), step)

    def _show_pairs(self, trainer: Trainer, verification: Verification, when: str, step: int) -> None:
        """The figures of each set of pairs, and its embeddings."""
        sets, stage = data_of(trainer).pair_sets("val"), verification.logged_stage("val")
        for name, scored in verification.scores.items():
            images = sets[name] if self.faces else None
            summary = summarise(scored, description=f"bootstrap of {name}")
            figures = evaluation_figures(scored, summary, f"{stage}/{name}, {when}", images)
            if stage == "val":
                del figures["roc"]  # VerificationFigures has drawn it
            for kind, figure in figures.items():
                show(trainer, f"{stage}/{name}/{kind}", figure, step)
        for logger in tensorboards(trainer) if verification.scores else []:
            write_projector(Path(logger.log_dir), verification.scores, sets, faces=self.faces)


def dashboard_of(trainer: Trainer) -> Dashboard:
    """The callback of a trainer that says what may be shown; one with its defaults where there is none."""
    found = (each for each in trainer.callbacks if isinstance(each, Dashboard))  # type: ignore[attr-defined]
    return next(found, Dashboard())
