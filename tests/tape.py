"""Calls of Functions that are computed again on other data, as a compiled graph would be."""

import wengert as wg
from wengert import Variable


class Tape:
    """The calls of Functions in a `with` block, which can be computed again on other data."""

    def __enter__(self):
        self.calls = []
        self.observed = wg.hook(lambda f, xs, ys: self.calls.append((f, xs, ys)))
        self.observed.__enter__()
        return self

    def __exit__(self, *error):
        self.observed.__exit__(*error)

    def replay(self, new, y):
        """The value of y, where `new` has the new arrays for some old ones, as pairs."""
        values = {id(old): array for old, array in new}
        for f, xs, ys in self.calls:
            again = type(f)(**f.options())
            found = again(*[Variable(values.get(id(x.data), x.data)) for x in xs])
            for y_old, y_new in zip(
                ys, found if isinstance(found, tuple) else (found,), strict=True
            ):
                values[id(y_old.data)] = y_new.data
        return values[id(y.data)]
