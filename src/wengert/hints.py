"""Names of PyTorch, Keras and NumPy that wengert does not have, and what to write instead.

The AttributeError or TypeError for such a name ends with the code of these tables, where x is
a Variable, f a Function, `model` a Layer and `optimizer` an Optimizer; F, L and wg are
wengert.functions, wengert.layers and wengert.
"""

import sys
from collections.abc import Callable, Container, Mapping
from inspect import getattr_static
from typing import Any, TypeVar

from wengert.attribute_hints import FUNCTION as FUNCTION
from wengert.attribute_hints import LAYER as LAYER
from wengert.attribute_hints import OPTIMIZER as OPTIMIZER
from wengert.attribute_hints import VARIABLE as VARIABLE

T = TypeVar("T")

# fmt: off
LAYERS = {
    "Module": "L.Layer",
    "Dense": "L.Linear(out_size)",
    "LazyLinear": "L.Linear(out_size)",
    "Bilinear": "F.einsum('ni,oij,nj->no', x, W, y)",
    "Conv1D": "L.Conv1d(out_size, kernel)",
    "Conv2D": "L.Conv2d(out_size, kernel)",
    "Conv3D": "L.Conv3d(out_size, kernel)",
    "LazyConv2d": "L.Conv2d(out_size, kernel)",
    "DepthwiseConv2D": "L.Conv2d(size, kernel, groups=size)",
    "Conv2DTranspose": "L.ConvTranspose2d(out_size, kernel)",
    "Deconv2d": "L.ConvTranspose2d(out_size, kernel)",
    "MaxPooling1D": "L.MaxPool1d(kernel)",
    "MaxPooling2D": "L.MaxPool2d(kernel)",
    "AveragePooling2D": "L.AvgPool2d(kernel)",
    "GlobalAveragePooling2D": "L.GlobalAvgPool()",
    "GlobalMaxPooling2D": "L.GlobalMaxPool()",
    "AdaptiveAvgPool1d": "L.AdaptiveAvgPool(size)",
    "AdaptiveAvgPool2d": "L.AdaptiveAvgPool(size)",
    "AdaptiveMaxPool2d": "L.AdaptiveMaxPool(size)",
    "BatchNorm1d": "L.BatchNorm()",
    "BatchNorm2d": "L.BatchNorm()",
    "BatchNorm3d": "L.BatchNorm()",
    "BatchNormalization": "L.BatchNorm()",
    "LayerNormalization": "L.LayerNorm()",
    "GroupNormalization": "L.GroupNorm(groups)",
    "InstanceNorm1d": "L.InstanceNorm()",
    "InstanceNorm2d": "L.InstanceNorm()",
    "Dropout1d": "L.ChannelDropout(p)",
    "Dropout2d": "L.ChannelDropout(p)",
    "SpatialDropout2D": "L.ChannelDropout(p)",
    "MultiheadAttention": "L.MultiHeadAttention(heads)",
    "EmbedID": "L.Embedding(in_size, out_size)",
    "Activation": "F.relu  # the function itself is accepted by L.Sequential",
    "ReLU6": "F.clip(x, 0, 6)  # as a layer: lambda x: F.clip(x, 0, 6)",
    "Hardtanh": "F.clip(x, -1, 1)  # as a layer: lambda x: F.clip(x, -1, 1)",
    "Hardsigmoid": "L.HardSigmoid()",
    "Hardswish": "L.HardSwish()",
    "LogSoftMax": "L.LogSoftmax()",
    "Swish": "L.SiLU()",
    "ModuleList": "[layer, layer]  # a list in an attribute is found",
    "ModuleDict": "{'name': layer}  # a dict in an attribute is found",
    "ParameterList": "[parameter, parameter]  # a list in an attribute is found",
    "Upsample": "F.interpolate(x, size)",
    "UpSampling2D": "F.interpolate(x, size)",
    "ZeroPadding2D": "np.pad(x, widths)",
    "Reshape": "x.reshape(shape)  # as a layer: lambda x: x.reshape(shape)",
    "Unflatten": "x.reshape(shape)  # as a layer: lambda x: x.reshape(shape)",
    "Concatenate": "F.concatenate([x, y], axis)",
    "CrossEntropyLoss": "F.softmax_cross_entropy(x, t)",
    "BCEWithLogitsLoss": "F.sigmoid_cross_entropy(x, t)",
    "BCELoss": "F.binary_cross_entropy(x, t)",
    "NLLLoss": "F.nll(x, t)",
    "MSELoss": "F.mean_squared_error(x, t)",
    "L1Loss": "F.mean_absolute_error(x, t)",
    "SmoothL1Loss": "F.huber(x, t)",
    "HuberLoss": "F.huber(x, t)",
    "KLDivLoss": "F.kl_divergence(x, t)",
    "TripletMarginLoss": "F.triplet_margin(anchor, positive, negative)",
}

FUNCTIONS = {
    "cross_entropy": "F.softmax_cross_entropy(x, t)",
    "sparse_categorical_crossentropy": "F.softmax_cross_entropy(x, t)",
    "categorical_crossentropy": "F.softmax_cross_entropy(x, t)",
    "binary_crossentropy": "F.binary_cross_entropy(x, t)",
    "binary_cross_entropy_with_logits": "F.sigmoid_cross_entropy(x, t)",
    "nll_loss": "F.nll(x, t)",
    "mse": "F.mean_squared_error(x, t)",
    "mse_loss": "F.mean_squared_error(x, t)",
    "l1_loss": "F.mean_absolute_error(x, t)",
    "smooth_l1_loss": "F.huber(x, t)",
    "huber_loss": "F.huber(x, t)",
    "kl_div": "F.kl_divergence(x, t)",
    "hinge_loss": "F.hinge(x, t)",
    "hinge_embedding_loss": "F.hinge(x, t)",
    "triplet_margin_loss": "F.triplet_margin(anchor, positive, negative)",
    "swish": "F.silu(x)",
    "relu6": "F.clip(x, 0, 6)",
    "hardtanh": "F.clip(x, -1, 1)",
    "hardsigmoid": "F.hard_sigmoid(x)",
    "hardswish": "F.hard_swish(x)",
    "logsigmoid": "F.log_sigmoid(x)",
    "dropout2d": "F.channel_dropout(x, p)",
    "avg_pooling": "F.avg_pool2d(x, kernel)",
    "max_pooling": "F.max_pool2d(x, kernel)",
    "adaptive_avg_pool2d": "F.adaptive_avg_pool(x, size)",
    "adaptive_max_pool2d": "F.adaptive_max_pool(x, size)",
    "upsample": "F.interpolate(x, size)",
    "unfold": "F.im2col(x, kernel)",
    "fold": "F.col2im(x, shape, kernel)",
    "multi_head_attention_forward": "F.multi_head_attention(query, key, value, Wq, Wk, Wv, Wo)",
    "normalize": "x / F.norm(x, axis=axis, keepdims=True)",
    "cat": "F.concatenate([x, y], axis)",
    "concat": "F.concatenate([x, y], axis)",
    "clamp": "F.clip(x, low, high)",
    "permute": "F.transpose(x, axes)",
    "unsqueeze": "F.expand_dims(x, axis)",
    "gather": "F.take_along_axis(x, indices, axis)",
    "bmm": "F.matmul(x, y)",
    "mm": "F.matmul(x, y)",
    "power": "F.pow(x, c)",
    "subtract": "F.sub(x, y)",
    "multiply": "F.mul(x, y)",
    "divide": "F.div(x, y)",
    "lgamma": "F.gammaln(x)",
    "psi": "F.digamma(x)",
    "expit": "F.sigmoid(x)",
    "logdet": "F.slogdet(x).logabsdet",
    "batch_inv": "F.inv(x)",
    "batch_det": "F.det(x)",
    "pinverse": "F.pinv(x)",
    "reduce_sum": "F.sum(x, axis)",
    "reduce_mean": "F.mean(x, axis)",
}

OPTIMIZERS = {
    "Adagrad": "wg.optimizers.AdaGrad",
    "Adadelta": "wg.optimizers.AdaDelta",
    "RMSProp": "wg.optimizers.RMSprop",
    "Nadam": "wg.optimizers.NAdam",
    "MomentumSGD": "wg.optimizers.Momentum",
    "NesterovAG": "wg.optimizers.Nesterov",
    "lr_scheduler": "wg.schedules  # optimizers take a schedule as lr: SGD(cosine(0.1, steps=100))",
    "clip_grad_norm_": "optimizer.add_hook(wg.optimizers.ClipNorm(1.0))",
    "clip_grad_value_": "optimizer.add_hook(wg.optimizers.ClipValue(1.0))",
}

SCHEDULES = {
    "LambdaLR": "# any function of the step is a schedule: SGD(lr=lambda step: 0.1 / (step + 1))",
    "StepLR": "wg.schedules.step_decay(start, at=steps)",
    "MultiStepLR": "wg.schedules.step_decay(start, at=steps)",
    "ExponentialLR": "wg.schedules.exponential(start, factor)",
    "CosineAnnealingLR": "wg.schedules.cosine(start, steps)",
    "CosineDecay": "wg.schedules.cosine(start, steps)",
    "PolynomialLR": "wg.schedules.polynomial(start, steps)",
    "LinearLR": "wg.schedules.linear(start, end, steps)",
    "ConstantLR": "wg.schedules.constant(value)",
    "OneCycleLR": "wg.schedules.one_cycle(peak, steps)",
    "SequentialLR": "wg.schedules.joined(schedules, at=steps)",
    "ReduceLROnPlateau": "wg.schedules.ReduceOnPlateau(start)",
}

INITIALIZERS = {
    "kaiming_normal": "wg.initializers.he_normal",
    "kaiming_normal_": "wg.initializers.he_normal",
    "kaiming_uniform": "wg.initializers.he_uniform",
    "kaiming_uniform_": "wg.initializers.he_uniform",
    "xavier_normal": "wg.initializers.glorot_normal",
    "xavier_normal_": "wg.initializers.glorot_normal",
    "xavier_uniform": "wg.initializers.glorot_uniform",
    "xavier_uniform_": "wg.initializers.glorot_uniform",
    "constant_": "partial(wg.initializers.constant, value=value)",
    "zeros_": "wg.initializers.zeros",
    "ones_": "wg.initializers.ones",
    "normal_": "wg.initializers.normal",
    "uniform_": "wg.initializers.uniform",
    "trunc_normal_": "wg.initializers.truncated_normal",
    "orthogonal_": "wg.initializers.orthogonal",
}

DATA = {
    "TensorDataset": "wg.data.ArrayDataset(x, t)",
    "TupleDataset": "wg.data.ArrayDataset(x, t)",
    "random_split": "wg.data.split(dataset, 0.8, 0.2)",
    "train_test_split": "wg.data.split(dataset, 0.8, 0.2)  # also stratify= and groups=",
    "KFold": "wg.data.k_fold(dataset, 5)",
    "StratifiedKFold": "wg.data.k_fold(dataset, 5, stratify=labels)",
    "GroupKFold": "wg.data.k_fold(dataset, 5, groups=groups)",
    "WeightedRandomSampler": "wg.data.DataLoader(dataset, 64, sampler=WeightedSampler(weights))",
    "RandomSampler": "wg.data.DataLoader(dataset, 64)  # which shuffles",
    "SequentialSampler": "wg.data.DataLoader(dataset, 64, shuffle=False)",
    "BatchSampler": "wg.data.DataLoader(dataset, 64)",
    "IterableDataset": "wg.data.ArrayDataset(x, t)  # or list(…) of an iterator",
    "StandardScaler": "wg.data.transforms.StandardScaler",
    "MinMaxScaler": "wg.data.transforms.MinMaxScaler",
    "LabelEncoder": "classes, t = np.unique(labels, return_inverse=True)",
    "default_collate": "wg.data.collate",
    "pad_sequence": "wg.data.ragged(sequences)",
    "pack_padded_sequence": "wg.data.Padded(x, lengths)",
    "PackedSequence": "wg.data.Padded(x, lengths)",
    "Compose": "wg.data.transforms.Compose",
    "MNIST": "wg.data.load_mnist()",
    "FashionMNIST": "wg.data.load_fashion_mnist()",
    "CIFAR10": "wg.data.load_cifar10()",
    "CIFAR100": "wg.data.load_cifar100()",
}

TRAINING = {
    "ModelCheckpoint": "wg.training.SaveCheckpoints(folder, best='validation_loss')",
    "ReduceLROnPlateau": "wg.training.Plateau(schedule)",
    "TerminateOnNaN": "wg.training.StopOnNaN()",
    "LambdaCallback": "wg.training.On(trigger, function)",
    "CSVLogger": "wg.training.CSVLog(path)",
    "TensorBoardLogger": "wg.training.TensorBoard(folder)",
    "SummaryWriter": "wg.training.TensorBoard(folder)",
    "Accuracy": "F.accuracy",
    "AUROC": "wg.training.AUC()",
    "roc_auc_score": "wg.training.AUC()",
    "F1Score": "wg.training.F1()",
    "f1_score": "wg.training.F1()",
    "R2Score": "wg.training.R2()",
    "r2_score": "wg.training.R2()",
    "ConfusionMatrix": "wg.training.Confusion()",
    "PearsonCorrCoef": "wg.training.Correlation()",
    "MeanMetric": "wg.training.Mean()",
    "MeanSquaredError": "F.mean_squared_error",
    "MeanAbsoluteError": "F.mean_absolute_error",
}

WENGERT = {
    "linalg": "np.linalg  # its functions are recorded, as in np.linalg.solve(A, b)",
    "tensor": "wg.Variable(array)",
    "Tensor": "wg.Variable(array)",
    "from_numpy": "wg.Variable(array)",
    "as_tensor": "wg.as_variable(array)",
    "zeros": "wg.Variable(np.zeros(shape, np.float32))",
    "ones": "wg.Variable(np.ones(shape, np.float32))",
    "arange": "wg.Variable(np.arange(n))",
    "linspace": "wg.Variable(np.linspace(low, high, n))",
    "eye": "wg.Variable(np.eye(n))",
    "full": "wg.Variable(np.full(shape, value))",
    "zeros_like": "np.zeros_like(x)",
    "ones_like": "np.ones_like(x)",
    "is_tensor": "isinstance(x, wg.Variable)",
    "rand": "wg.Variable(wg.random.generator().random(shape))",
    "randn": "wg.Variable(wg.random.generator().standard_normal(shape))",
    "randperm": "wg.random.generator().permutation(n)",
    "randint": "wg.Variable(wg.random.generator().integers(low, high, size=shape))",
    "manual_seed": "wg.seed(0)",
    "set_random_seed": "wg.seed(0)",
    "nn": "wg.layers",
    "Module": "wg.layers.Layer",
    "Sequential": "wg.layers.Sequential(*layers)",
    "Model": "wg.layers.Layer",
    "optim": "wg.optimizers",
    "losses": "wg.functions",
    "metrics": "wg.functions  # F.accuracy and others; wg.training for averages over batches",
    "utils": "wg.data.DataLoader",
    "DataLoader": "wg.data.DataLoader",
    "datasets": "wg.data",
    "transforms": "wg.data.transforms",
    "callbacks": "wg.training",
    "save": "wg.io.save_weights(path, model)",
    "load": "wg.io.load_weights(path, model)",
    "inference_mode": "wg.no_grad()",
    "enable_grad": "wg.using_config('enable_backprop', True)",
    "set_grad_enabled": "wg.using_config('enable_backprop', value)",
    "GradientTape": "# each Variable records its own graph: loss.backward(), or wg.grad(loss, [x])",
    "autograd": "wg.grad",
    "where": "np.where(mask, x, y)",
    "cat": "wg.functions.concatenate([x, y], axis)",
    "stack": "np.stack([x, y])",
    "matmul": "x @ y",
    "exp": "np.exp(x)",
    "log": "np.log(x)",
    "relu": "wg.functions.relu(x)",
    "softmax": "wg.functions.softmax(x)",
    "sum": "np.sum(x)",
    "mean": "np.mean(x)",
    "max": "np.max(x)",
    "min": "np.min(x)",
    "maximum": "np.maximum(x, y)",
    "einsum": "np.einsum(formula, x, y)",
    "sigmoid": "wg.functions.sigmoid(x)",
    "tanh": "np.tanh(x)",
    "device": "# arrays are in the memory of the CPU",
    "cuda": "# arrays are in the memory of the CPU",
    "float32": "np.float32",
    "float64": "np.float64",
    "float16": "np.float16",
    "int64": "np.int64",
    "int32": "np.int32",
    "bool": "bool",
}

# Keyword arguments: the name here, for a class that has it; or words, after "# "
ARGUMENTS = {
    "in_features": "in_size", "in_channels": "in_size", "input_size": "in_size",
    "input_dim": "in_size", "embed_dim": "in_size", "d_model": "in_size",
    "num_features": "in_size", "num_channels": "in_size", "num_embeddings": "in_size",
    "normalized_shape": "in_size", "num_parameters": "in_size",
    "out_features": "out_size", "out_channels": "out_size", "embedding_dim": "out_size",
    "output_dim": "out_size", "hidden_size": "out_size", "units": "out_size",
    "filters": "out_size", "output_size": "size",
    "kernel_size": "kernel", "pool_size": "kernel", "strides": "stride", "pad": "padding",
    "num_heads": "heads", "nhead": "heads", "num_groups": "groups", "num_layers": "layers",
    "dim_feedforward": "hidden_size", "padding_idx": "padding_index",
    "track_running_stats": "running", "elementwise_affine": "affine", "epsilon": "eps",
    "nonlinearity": "activation", "use_bias": "bias", "kernel_initializer": "initializer",
    "recurrent_initializer": "state_initializer", "negative_slope": "slope", "rate": "p",
    "dim": "axis", "keepdim": "keepdims", "training": "train", "ignore_label": "ignore_index",
    "class_weight": "weight", "learning_rate": "lr",
    "betas": "# beta1 and beta2", "momentum": "# the optimizers Momentum and Nesterov",
    "nesterov": "# the optimizer Nesterov", "batch_first": "# x is always (B, T, in_size)",
    "inplace": "# nothing is computed in place", "device": "# arrays are in the memory of the CPU",
    "num_workers": "workers", "n_jobs": "workers", "prefetch_factor": "prefetch",
    "collate_fn": "collate", "batch_sampler": "sampler", "generator": "seed",
    "random_state": "seed", "multiprocessing_context": "worker_kind",
    "num_samples": "samples", "replacement": "replace", "n_splits": "k",
    "pin_memory": "# arrays are in the memory of the CPU",
    "worker_init_fn": "# all draws of workers follow from the seed",
    "persistent_workers": "# each pass starts its workers", "timeout": "# there is none",
    "test_size": "# fractions of all parts, as split(dataset, 0.8, 0.2)",
    "train_size": "# fractions of all parts, as split(dataset, 0.8, 0.2)",
    "feature_range": "# low and high",
    "restore_best_weights": "restore_best", "save_best_only": "best", "filepath": "folder",
    "loss_fn": "loss", "criterion": "loss", "validation_data": "validation", "x": "train",
    "verbose": "progress", "accumulate_grad_batches": "accumulate", "max_norm": "limit",
    "clip_value": "limit", "T_max": "steps", "decay_steps": "steps", "gamma": "factor",
    "milestones": "at", "step_size": "at", "min_lr": "least", "mode": "maximize",
    "padding_mode": "# pad x with np.pad(x, widths, mode)", "input_shape": "# the first input",
}
# fmt: on


def of_argument(name: str, known: Container[str]) -> str:
    """What to write instead of the argument `name`, or ""; `known` are the existing arguments."""
    here = ARGUMENTS.get(name, "")
    return here.removeprefix("# ") if here in known or here.startswith("# ") else ""


def of_backward(retain_grad: Any, unknown: Mapping[str, Any]) -> str:
    """The message for the arguments of PyTorch's or another framework's `backward`."""
    given = f"an argument {next(iter(unknown))!r}" if unknown else f"{type(retain_grad).__name__}"
    return (
        f"Variable.backward: got {given}, needed retain_grad, create_graph or retain_graph as True "
        f"or False, or a gradient; here: y.backward(grad=gy)"
    )


class Hint:
    """A class attribute that raises the AttributeError with the hint.

    (A `__getattr__` would make each access to another attribute slower.) An attribute of that name
    in an instance or a subclass comes first.
    """

    def __init__(self, name: str, words: Mapping[str, str]) -> None:
        self.name = name
        self.words = words

    def __get__(self, x: object, cls: type) -> Any:
        raise AttributeError(_message(cls.__name__, self.name, self.words))

    def __repr__(self) -> str:  # which help(cls) shows
        return f"here: {self.words[self.name]}"


def answers(words: Mapping[str, str]) -> Callable[[type[T]], type[T]]:
    """Class decorator: AttributeErrors for these names have hints."""

    def add(cls: Any) -> Any:
        for name in words:
            setattr(cls, name, Hint(name, words))
        cls.__dir__ = _dir
        return cls

    return add


def _dir(x: object) -> list[str]:
    """The attributes that x has, which are those that completion and Python's errors suggest."""
    return [n for n in object.__dir__(x) if not isinstance(getattr_static(x, n, None), Hint)]


def of_module(module: str, words: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose AttributeErrors have hints."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in words:
            # Python would replace the message of an AttributeError in `from module import name`
            kind = ImportError if _is_import(sys._getframe(1)) else AttributeError
            raise kind(_message(module, name, words))
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return __getattr__


def _is_import(frame: Any) -> bool:
    """Whether the code below `__getattr__` is at a `from module import name`."""
    from opcode import opmap

    while frame.f_code.co_name == "__getattr__":
        frame = frame.f_back
    at: int = frame.f_code.co_code[frame.f_lasti]
    return at == opmap["IMPORT_FROM"]


def _message(owner: str, name: str, words: Mapping[str, str]) -> str:
    return f"{owner} has no {name!r}; here: {words[name].removeprefix('# ')}"
