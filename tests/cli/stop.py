"""A callback that ends a run after its first epoch, as a lost machine would."""

from lightning.pytorch import Callback


class Stop(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        trainer.should_stop = True
