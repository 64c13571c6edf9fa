"""Networks as estimators of scikit-learn: `Classifier` and `Regressor`.

They take part in pipelines, cross-validation and searches, as scikit-learn's own estimators do:

    model = make_pipeline(StandardScaler(), Classifier(hidden_sizes=(64, 64), random_state=0))
    search = GridSearchCV(model, {"classifier__lr": [1e-3, 1e-2]})

scikit-learn is needed, and only for this module: pip install 'wengert[sklearn]'.
"""

try:
    from sklearn.utils.validation import validate_data  # noqa: F401  (since 1.6)
except ImportError as error:
    raise ImportError(
        "wengert.sklearn: needs scikit-learn 1.6 or later; pip install 'wengert[sklearn]'"
    ) from error

from wengert.names import public
from wengert.sklearn.estimators import Classifier as Classifier
from wengert.sklearn.estimators import Regressor as Regressor

__all__, __dir__ = public(globals())
