"""The interface of the book: programs of «Deep Learning from Scratch 3» run with `wengert.dezero`.

Change `dezero` to `wengert.dezero` in their imports:

    import wengert.dezero.functions as F
    from wengert.dezero import Variable

Names and behaviour are those of the book; graph, derivatives and kernels are those of wengert.
Random numbers come from `np.random`, because programs of the book call `np.random.seed`.
"""

from wengert.dezero import core_simple as core_simple
from wengert.dezero import cuda as cuda
from wengert.dezero import dataloaders as dataloaders
from wengert.dezero import datasets as datasets
from wengert.dezero import functions as functions
from wengert.dezero import functions_conv as functions_conv
from wengert.dezero import layers as layers
from wengert.dezero import models as models
from wengert.dezero import optimizers as optimizers
from wengert.dezero import transforms as transforms
from wengert.dezero import utils as utils
from wengert.dezero.core import Config as Config
from wengert.dezero.core import Function as Function
from wengert.dezero.core import Parameter as Parameter
from wengert.dezero.core import Variable as Variable
from wengert.dezero.core import as_array as as_array
from wengert.dezero.core import as_variable as as_variable
from wengert.dezero.core import no_grad as no_grad
from wengert.dezero.core import setup_variable as setup_variable
from wengert.dezero.core import test_mode as test_mode
from wengert.dezero.core import using_config as using_config
from wengert.dezero.dataloaders import DataLoader as DataLoader
from wengert.dezero.dataloaders import SeqDataLoader as SeqDataLoader
from wengert.dezero.datasets import Dataset as Dataset
from wengert.dezero.layers import Layer as Layer
from wengert.dezero.models import Model as Model
from wengert.names import public

is_simple_core = False  # core_simple is imported by its own name

setup_variable()

__version__ = "0.0.13"  # of the book's framework

__all__, __dir__ = public(
    globals(), "core", "core_simple", "cuda", "dataloaders", "datasets", "functions",
    "functions_conv", "layers", "models", "optimizers", "transforms", "utils",
    "is_simple_core", "__version__",
)  # fmt: skip
