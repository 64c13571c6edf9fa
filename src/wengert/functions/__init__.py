"""Functions on Variables: `import wengert.functions as F`.

Arrays in, arrays out; with any Variable among the inputs, Variables out, recorded.
"""

# fmt: off
from wengert.functions.activation import (
    log_softmax as log_softmax, relu as relu, sigmoid as sigmoid, softmax as softmax,
)
from wengert.functions.arithmetic import (
    add as add, astype as astype, copy as copy, div as div, mul as mul, neg as neg, pow as pow,
    sub as sub,
)
from wengert.functions.create import (
    empty_like as empty_like, full_like as full_like, ones_like as ones_like,
    zeros_like as zeros_like,
)
from wengert.functions.index import (
    get_item as get_item, take as take, take_along_axis as take_along_axis,
)
from wengert.functions.join import (
    concatenate as concatenate, flip as flip, hstack as hstack, pad as pad, roll as roll,
    split as split, stack as stack, vstack as vstack,
)
from wengert.functions.linalg import (
    diagonal as diagonal, dot as dot, einsum as einsum, inner as inner, linear as linear,
    matmul as matmul, outer as outer, tensordot as tensordot, trace as trace, tril as tril,
    triu as triu,
)
from wengert.functions.logic import (
    equal as equal, greater as greater, greater_equal as greater_equal, isfinite as isfinite,
    isinf as isinf, isnan as isnan, less as less, less_equal as less_equal,
    logical_and as logical_and, logical_not as logical_not, logical_or as logical_or,
    logical_xor as logical_xor, not_equal as not_equal,
)
from wengert.functions.loss import (
    accuracy as accuracy, mean_squared_error as mean_squared_error,
    softmax_cross_entropy as softmax_cross_entropy,
)
from wengert.functions.math import (
    erf as erf, exp as exp, exp2 as exp2, expm1 as expm1, log as log, log10 as log10,
    log1p as log1p, log2 as log2, logaddexp as logaddexp, reciprocal as reciprocal,
    rsqrt as rsqrt, sqrt as sqrt, square as square,
)
from wengert.functions.piecewise import (
    abs as abs, ceil as ceil, clip as clip, divmod as divmod, floor as floor, maximum as maximum,
    minimum as minimum, round as round, sign as sign, trunc as trunc, where as where,
)
from wengert.functions.reduce import (
    all as all, any as any, argmax as argmax, argmin as argmin, cumsum as cumsum,
    logsumexp as logsumexp, max as max, mean as mean, min as min, prod as prod, std as std,
    sum as sum, var as var,
)
from wengert.functions.shape import (
    broadcast_to as broadcast_to, expand_dims as expand_dims, flatten as flatten,
    moveaxis as moveaxis, repeat as repeat, reshape as reshape, squeeze as squeeze,
    sum_to as sum_to, swapaxes as swapaxes, tile as tile, transpose as transpose,
)
from wengert.functions.trigonometry import (
    arccos as arccos, arccosh as arccosh, arcsin as arcsin, arcsinh as arcsinh, arctan as arctan,
    arctan2 as arctan2, arctanh as arctanh, cos as cos, cosh as cosh, sin as sin, sinh as sinh,
    tan as tan, tanh as tanh,
)
# fmt: on
