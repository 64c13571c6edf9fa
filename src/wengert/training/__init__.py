"""Training: the loop over batches, and the file that keeps what was learned."""

from wengert.training.callbacks import Best as Best
from wengert.training.callbacks import Callback as Callback
from wengert.training.callbacks import EarlyStopping as EarlyStopping
from wengert.training.callbacks import On as On
from wengert.training.callbacks import Plateau as Plateau
from wengert.training.checkpoint import save_parameters as save_parameters
from wengert.training.guard import StopOnNaN as StopOnNaN
from wengert.training.guard import check_finite as check_finite
from wengert.training.guard import check_gradients as check_gradients
from wengert.training.log import CSVLog as CSVLog
from wengert.training.log import JSONLinesLog as JSONLinesLog
from wengert.training.log import TensorBoard as TensorBoard
from wengert.training.loop import evaluate as evaluate
from wengert.training.loop import train_epoch as train_epoch
from wengert.training.metrics import Confusion as Confusion
from wengert.training.metrics import Mean as Mean
from wengert.training.metrics import Metric as Metric
from wengert.training.metrics import Scores as Scores
from wengert.training.metrics import macro_f1 as macro_f1
from wengert.training.progress import Progress as Progress
from wengert.training.trainer import Trainer as Trainer
from wengert.training.triggers import at as at
from wengert.training.triggers import every as every
