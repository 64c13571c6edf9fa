"""Training: the loop over batches, hand-written or run by a `Trainer`.

The short form:

    trainer = Trainer(model, Adam(1e-3), F.softmax_cross_entropy, metrics=[F.accuracy])
    trainer.fit(DataLoader(train, 64), DataLoader(test, 64), epochs=5)

The same as a hand-written loop. Each helper can be used alone.

    model = MLP((64, 10))
    optimizer = Adam(1e-3).setup(model)
    average = ExponentialMovingAverage(model, 0.99)
    batches = DataLoader(train, 64, seed=0)
    scores, log = Scores([F.accuracy]), CSVLog(folder / "log.csv")
    with Progress(epochs=2) as progress:
        for epoch in range(1, 3):
            scores.reset()
            for x, t in progress.watch(batches, results=scores.compute):
                model.cleargrads()
                y = model(x)
                loss = F.softmax_cross_entropy(y, t)
                check_finite(loss, model)  # names the operation that computed the first NaN
                scores.update(y, t, loss=loss)
                loss.backward(retain_graph=False)  # frees memory as it proceeds
                del y, loss  # or they would stay in memory beside the next ones
                check_gradients(model)
                optimizer.update()
                average.update()
            log.write({"epoch": epoch, **scores.compute()})
            progress.finish_epoch(scores.compute())
            save_checkpoint(
                folder / "last.npz",
                **{"model": model, "optimizer": optimizer, "average": average, "data": batches},
                epoch=epoch,
            )
"""

from typing import TYPE_CHECKING

from wengert import hints
from wengert.names import public
from wengert.training.best import Best as Best
from wengert.training.best import BestWeights as BestWeights
from wengert.training.best import EarlyStopping as EarlyStopping
from wengert.training.callbacks import Callback as Callback
from wengert.training.callbacks import On as On
from wengert.training.callbacks import Plateau as Plateau
from wengert.training.checkpoint import load_checkpoint as load_checkpoint
from wengert.training.checkpoint import save_checkpoint as save_checkpoint
from wengert.training.checkpoint_folder import Checkpoints as Checkpoints
from wengert.training.confusion import F1 as F1
from wengert.training.confusion import Confusion as Confusion
from wengert.training.confusion import Precision as Precision
from wengert.training.confusion import Recall as Recall
from wengert.training.confusion import macro_f1 as macro_f1
from wengert.training.evaluator import Evaluator as Evaluator
from wengert.training.guard import StopOnNaN as StopOnNaN
from wengert.training.guard import check_finite as check_finite
from wengert.training.guard import check_gradients as check_gradients
from wengert.training.kept import AUC as AUC
from wengert.training.kept import Whole as Whole
from wengert.training.log import CSVLog as CSVLog
from wengert.training.log import JSONLinesLog as JSONLinesLog
from wengert.training.log import TensorBoard as TensorBoard
from wengert.training.metrics import Mean as Mean
from wengert.training.metrics import Metric as Metric
from wengert.training.moments import R2 as R2
from wengert.training.moments import Correlation as Correlation
from wengert.training.position import Position as Position
from wengert.training.progress import Progress as Progress
from wengert.training.saving import SaveCheckpoints as SaveCheckpoints
from wengert.training.scores import Scores as Scores
from wengert.training.state_file import load_state as load_state
from wengert.training.state_file import save_state as save_state
from wengert.training.trainer import Trainer as Trainer
from wengert.training.trainer_view import TrainerView as TrainerView
from wengert.training.triggers import at as at
from wengert.training.triggers import every as every

__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.TRAINING)
