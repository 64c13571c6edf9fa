"""The implementations of NumPy's functions that few programs use.

They are called by their names in NumPy, np.median(x), and imported at the first of these calls.
Most of them are composed of the Functions of the other files, and so have all derivatives.
"""

from wengert.functions.of_numpy import arranging as arranging
from wengert.functions.of_numpy import building as building
from wengert.functions.of_numpy import calculus as calculus
from wengert.functions.of_numpy import choosing as choosing
from wengert.functions.of_numpy import constants as constants
from wengert.functions.of_numpy import elementwise as elementwise
from wengert.functions.of_numpy import forms as forms
from wengert.functions.of_numpy import linalg as linalg
from wengert.functions.of_numpy import nan as nan
from wengert.functions.of_numpy import polynomials as polynomials
from wengert.functions.of_numpy import products as products
from wengert.functions.of_numpy import sets as sets
from wengert.functions.of_numpy import signals as signals
from wengert.functions.of_numpy import statistics as statistics
from wengert.functions.of_numpy import ufuncs as ufuncs
