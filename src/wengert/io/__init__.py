"""Files of weights and other arrays: .npz and .safetensors, also from and for PyTorch."""

from wengert.io.arrays import load_arrays as load_arrays
from wengert.io.arrays import load_metadata as load_metadata
from wengert.io.arrays import save_arrays as save_arrays
from wengert.io.gpt2 import gpt2_name as gpt2_name
from wengert.io.weights import load_weights as load_weights
from wengert.io.weights import save_weights as save_weights
from wengert.names import public

__all__, __dir__ = public(globals())
