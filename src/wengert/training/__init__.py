"""Training: the loop over batches, and the file that keeps what was learned."""

from wengert.training.checkpoint import save_parameters as save_parameters
from wengert.training.loop import evaluate as evaluate
from wengert.training.loop import train_epoch as train_epoch
