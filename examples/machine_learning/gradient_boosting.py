"""Tune gradient boosting, and two other algorithms in the same search.

    python examples/machine_learning/gradient_boosting.py [--workers 2] [--seeds 10] [--optuna]

This needs ``pip install ".[examples]"`` and takes 40 seconds on two cores (AMD EPYC). Each
trial trains gradient boosting, extremely randomized trees or logistic regression on half of the
digits data. The settings depend on the algorithm. The search minimizes the log loss in 3-fold
cross-validation in 50 trials; the test loss is that of the other half. The example prints these
figures; the default is gradient boosting with scikit-learn's settings:

    default loss: 0.2796
    default test loss: 0.1254
    zoopt loss: 0.154
    zoopt test loss: 0.08976
    zoopt minutes: 0.5

With ``--optuna``, Optuna's TPE searches the same space with as many trials.
"""

from typing import Any

import comparison
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import zoopt
from zoopt import Choice, Integer, Real

BOOSTING = HistGradientBoostingClassifier(
    max_iter=60, max_bins=32, early_stopping=False, random_state=0
)
TREES = ExtraTreesClassifier(100, random_state=0)
LINEAR = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
SPACE = {
    "model": Choice(
        {
            BOOSTING: {
                "learning_rate": Real(0.02, 1.0, log=True),
                # Trees are limited by a number of leaves or, if that is None, by their depth.
                "max_leaf_nodes": Choice(
                    {"number": Integer(3, 31, log=True), None: {"max_depth": Integer(2, 6)}}
                ),
                "min_samples_leaf": Integer(1, 50, log=True),
                "l2_regularization": Real(1e-3, 1e2, log=True),
                "max_features": Real(0.03, 1.0, log=True),
            },
            TREES: {
                "max_features": Choice({"sqrt": None, "share": Real(0.03, 1.0, log=True)}),
                "min_samples_leaf": Integer(1, 20, log=True),
                "criterion": Choice(["gini", "entropy"]),
            },
            LINEAR: {"logisticregression__C": Real(1e-4, 1e2, log=True)},
        }
    )
}

x, y = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(x, y, test_size=0.5, stratify=y, random_state=0)
folds = StratifiedKFold(3, shuffle=True, random_state=0)  # the same for every trial


def loss(model: Any, **settings: Any) -> float:
    """Return the cross-validated log loss, which the search minimizes."""
    model = clone(model).set_params(**settings)
    return -float(cross_val_score(model, x, y, cv=folds, scoring="neg_log_loss").mean())


def test_loss(model: Any, **settings: Any) -> float:
    model = clone(model).set_params(**settings).fit(x, y)
    return float(log_loss(y_test, model.predict_proba(x_test)))


def main() -> None:
    options = comparison.parser(__doc__, budget=50).parse_args()

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

    print(f"default loss: {loss(BOOSTING):.4g}")
    print(f"default test loss: {test_loss(BOOSTING):.4g}")
    comparison.run(options, with_zoopt, with_optuna, test_loss)


if __name__ == "__main__":
    main()
