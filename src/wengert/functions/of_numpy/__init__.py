"""The implementations of NumPy's functions that few programs use.

They are called by their names in NumPy, np.median(x), and imported at the first of these calls.
Most of them are composed of the Functions of the other files, and so have all derivatives.
"""

from wengert.functions.of_numpy import constants as constants
from wengert.functions.of_numpy import forms as forms
from wengert.functions.of_numpy import linalg as linalg
from wengert.functions.of_numpy import ufuncs as ufuncs
