"""Optimizers: they update Parameters from their gradients."""

from typing import TYPE_CHECKING

from wengert import hints
from wengert.names import public
from wengert.optimizers.adaptive import AdaDelta as AdaDelta
from wengert.optimizers.adaptive import AdaGrad as AdaGrad
from wengert.optimizers.adaptive import Adam as Adam
from wengert.optimizers.adaptive import AdamW as AdamW
from wengert.optimizers.adaptive import NAdam as NAdam
from wengert.optimizers.adaptive import RAdam as RAdam
from wengert.optimizers.adaptive import RMSprop as RMSprop
from wengert.optimizers.average import ExponentialMovingAverage as ExponentialMovingAverage
from wengert.optimizers.descent import SGD as SGD
from wengert.optimizers.descent import Lion as Lion
from wengert.optimizers.descent import Momentum as Momentum
from wengert.optimizers.descent import Nesterov as Nesterov
from wengert.optimizers.groups import Group as Group
from wengert.optimizers.hooks import AverageGradients as AverageGradients
from wengert.optimizers.hooks import ClipNorm as ClipNorm
from wengert.optimizers.hooks import ClipValue as ClipValue
from wengert.optimizers.lbfgs import LBFGS as LBFGS
from wengert.optimizers.optimizer import Optimizer as Optimizer

__all__, __dir__ = public(globals())

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.OPTIMIZERS)
