"""Tune a scikit-learn pipeline: its steps, and the settings of the chosen steps.

    python examples/machine_learning/pipeline.py [--workers 2] [--seeds 10] [--optuna]

This needs ``pip install ".[examples]"`` and takes 40 seconds on two cores (AMD EPYC), with two
workers 12. The data are 600 handwritten digits, in which a fifth of the pixels is missing. The
search chooses a scaler, an imputer, a selection of pixels or PCA, a classifier, and the settings of
all of them in 60 trials. It minimizes the log loss in 5-fold cross-validation. The test loss is
that of the other 1,197 digits. The default pipeline scales, imputes means and uses logistic
regression. The example prints:

    default loss: 0.2927
    default test loss: 0.2888
    zoopt loss: 0.2066
    zoopt test loss: 0.1974
    zoopt minutes: 0.6

With ``--optuna``, Optuna's TPE searches the same space with as many trials.
"""

import copy
from typing import Any

import comparison
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import zoopt
from zoopt import Choice, Integer, Real

#: The values of a choice may be any objects, here the steps of a pipeline. A step's settings exist
#: only if the step was chosen. Their names are those that the pipeline's `set_params` takes.
SPACE = {
    "scale": Choice([StandardScaler(), MinMaxScaler(), RobustScaler()]),
    "impute": Choice(
        {
            SimpleImputer(strategy="median"): None,
            KNNImputer(): {
                "impute__n_neighbors": Integer(1, 50, log=True),
                "impute__weights": Choice(["uniform", "distance"]),
            },
        }
    ),
    "reduce": Choice(
        {
            "passthrough": None,
            SelectKBest(): {"reduce__k": Integer(5, 48)},
            PCA(): {
                "reduce__n_components": Integer(5, 48),
                "reduce__whiten": Choice([False, True]),
            },
        }
    ),
    "classify": Choice(
        {
            LogisticRegression(max_iter=2000): {"classify__C": Real(1e-4, 1e2, log=True)},
            ExtraTreesClassifier(100, random_state=0): {
                "classify__max_features": Real(0.03, 1.0, log=True),
                "classify__min_samples_leaf": Integer(1, 20, log=True),
            },
            KNeighborsClassifier(): {
                "classify__n_neighbors": Integer(1, 100, log=True),
                "classify__weights": Choice(["uniform", "distance"]),
                "classify__p": Choice([1, 2]),
            },
        }
    ),
}
DEFAULT = Pipeline(
    [
        ("scale", StandardScaler()),
        ("impute", SimpleImputer()),
        ("reduce", "passthrough"),
        ("classify", LogisticRegression()),
    ]
)

x, y = load_digits(return_X_y=True)
x = x[:, x.std(axis=0) > 1]  # 48 pixels
x[np.random.default_rng(0).random(x.shape) < 0.2] = np.nan  # a fifth of the pixels is missing
x, x_test, y, y_test = train_test_split(x, y, train_size=600, stratify=y, random_state=0)
folds = StratifiedKFold(5, shuffle=True, random_state=0)  # the same for every trial


def pipeline(**settings: Any) -> Pipeline:
    # set_params changes the steps that it is given: copies, because trials share the objects.
    return clone(DEFAULT).set_params(**copy.deepcopy(settings))


def loss(**settings: Any) -> float:
    """Return the cross-validated log loss, which the search minimizes."""
    scores = cross_val_score(pipeline(**settings), x, y, cv=folds, scoring="neg_log_loss")
    return -float(scores.mean())


def test_loss(**settings: Any) -> float:
    model = pipeline(**settings).fit(x, y)
    return float(log_loss(y_test, model.predict_proba(x_test)))


def main() -> None:
    options = comparison.parser(__doc__, budget=60).parse_args()

    def with_zoopt(seed: int) -> comparison.Found:
        result = zoopt.minimize(
            loss,
            SPACE,
            budget=options.budget,
            seed=seed,
            algorithm="model",
            workers=options.workers,
            progress=True,  # a live line on a terminal
        )
        return result.x, {"loss": result.fun}

    def with_optuna(seed: int) -> comparison.Found:
        return comparison.optuna_search(loss, SPACE, options.budget, seed)

    print(f"default loss: {loss():.4g}")
    print(f"default test loss: {test_loss():.4g}")
    comparison.run(options, with_zoopt, with_optuna, test_loss)


if __name__ == "__main__":
    main()
