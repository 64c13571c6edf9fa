"""The words of PyTorch, Keras and NumPy, and what to use for them here.

An AttributeError or TypeError of ours ends with the hint for the word that was used.
"""

from collections.abc import Container

ARGUMENTS = {
    "in_features": "in_size",
    "in_channels": "in_size",
    "input_size": "in_size",
    "input_dim": "in_size",
    "embed_dim": "in_size",
    "d_model": "in_size",
    "num_features": "in_size",
    "num_channels": "in_size",
    "num_embeddings": "in_size",
    "normalized_shape": "in_size",
    "num_parameters": "in_size",
    "out_features": "out_size",
    "out_channels": "out_size",
    "embedding_dim": "out_size",
    "output_dim": "out_size",
    "hidden_size": "out_size",
    "units": "out_size",
    "filters": "out_size",
    "kernel_size": "kernel",
    "pool_size": "kernel",
    "strides": "stride",
    "num_heads": "heads",
    "nhead": "heads",
    "num_groups": "groups",
    "num_layers": "layers",
    "dim_feedforward": "hidden_size",
    "padding_idx": "padding_index",
    "track_running_stats": "running",
    "elementwise_affine": "affine",
    "epsilon": "eps",
    "use_bias": "bias",
    "kernel_initializer": "initializer",
    "negative_slope": "slope",
    "dim": "axis",
    "learning_rate": "lr",
}


def argument(name: str, known: Container[str]) -> str:
    """The argument that is called `name` elsewhere, or ""; `known` are those of the caller."""
    here = ARGUMENTS.get(name, "")
    return here if here in known else ""
