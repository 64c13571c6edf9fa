"""Functions on Variables: `import wengert.functions as F`.

Arrays in, arrays out; with any Variable among the inputs, Variables out, recorded.
"""

# fmt: off
from wengert.functions.activation import (
    celu as celu, elu as elu, gelu as gelu, glu as glu, hard_sigmoid as hard_sigmoid,
    hard_swish as hard_swish, leaky_relu as leaky_relu, log_sigmoid as log_sigmoid,
    log_softmax as log_softmax, mish as mish, prelu as prelu, relu as relu, selu as selu,
    sigmoid as sigmoid, silu as silu, softmax as softmax, softplus as softplus,
    softsign as softsign,
)
from wengert.functions.arithmetic import (
    add as add, astype as astype, copy as copy, div as div, mul as mul, neg as neg, pow as pow,
    sub as sub,
)
from wengert.functions.attention import (
    multi_head_attention as multi_head_attention,
    scaled_dot_product_attention as scaled_dot_product_attention,
)
from wengert.functions.cell import (
    gru_cell as gru_cell, lstm_cell as lstm_cell, rnn_cell as rnn_cell,
)
from wengert.functions.conv import (
    col2im as col2im, conv1d as conv1d, conv2d as conv2d, conv3d as conv3d,
    conv_transpose1d as conv_transpose1d, conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d, im2col as im2col,
)
from wengert.functions.create import (
    empty_like as empty_like, full_like as full_like, ones_like as ones_like,
    zeros_like as zeros_like,
)
from wengert.functions.decompose import (
    cholesky as cholesky, det as det, inv as inv, norm as norm, slogdet as slogdet,
    solve as solve,
)
from wengert.functions.dropout import (
    channel_dropout as channel_dropout, dropout as dropout,
)
from wengert.functions.embedding import (
    embedding as embedding,
)
from wengert.functions.index import (
    get_item as get_item, take as take, take_along_axis as take_along_axis,
)
from wengert.functions.interpolate import (
    interpolate as interpolate,
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
    binary_cross_entropy as binary_cross_entropy, cosine_similarity as cosine_similarity,
    hinge as hinge, huber as huber, kl_divergence as kl_divergence,
    mean_absolute_error as mean_absolute_error, mean_squared_error as mean_squared_error,
    nll as nll, sigmoid_cross_entropy as sigmoid_cross_entropy,
    softmax_cross_entropy as softmax_cross_entropy, triplet_margin as triplet_margin,
)
from wengert.functions.math import (
    erf as erf, exp as exp, exp2 as exp2, expm1 as expm1, log as log, log10 as log10,
    log1p as log1p, log2 as log2, logaddexp as logaddexp, reciprocal as reciprocal,
    rsqrt as rsqrt, sqrt as sqrt, square as square,
)
from wengert.functions.metrics import (
    accuracy as accuracy, confusion_matrix as confusion_matrix, f1_score as f1_score,
    r2_score as r2_score, top_k_accuracy as top_k_accuracy,
)
from wengert.functions.normalization import (
    batch_norm as batch_norm, group_norm as group_norm, instance_norm as instance_norm,
    layer_norm as layer_norm, rms_norm as rms_norm,
)
from wengert.functions.piecewise import (
    abs as abs, ceil as ceil, clip as clip, divmod as divmod, floor as floor, maximum as maximum,
    minimum as minimum, round as round, sign as sign, trunc as trunc, where as where,
)
from wengert.functions.pool import (
    adaptive_avg_pool as adaptive_avg_pool, adaptive_max_pool as adaptive_max_pool,
    avg_pool1d as avg_pool1d, avg_pool2d as avg_pool2d, avg_pool3d as avg_pool3d,
    global_avg_pool as global_avg_pool, global_max_pool as global_max_pool,
    max_pool1d as max_pool1d, max_pool2d as max_pool2d, max_pool3d as max_pool3d,
)
from wengert.functions.position import (
    rotary as rotary, sinusoidal_positions as sinusoidal_positions,
)
from wengert.functions.recurrent import (
    gru as gru, lstm as lstm, rnn as rnn,
)
from wengert.functions.reduce import (
    all as all, any as any, argmax as argmax, argmin as argmin, cumsum as cumsum,
    logsumexp as logsumexp, max as max, mean as mean, min as min, prod as prod, std as std,
    sum as sum, var as var,
)
from wengert.functions.select import (
    argsort as argsort, one_hot as one_hot, scatter_add as scatter_add, sort as sort,
    topk as topk,
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
