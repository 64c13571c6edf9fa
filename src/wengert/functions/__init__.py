"""Functions on Variables: `import wengert.functions as F`.

Arrays in, arrays out; with any Variable among the inputs, Variables out, recorded.
"""

from wengert.functions.arithmetic import Add as Add
from wengert.functions.arithmetic import add as add
