"""The data sets, all from scikit-learn, and the losses measured on them."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold

from hpo.pipelines import pipeline
from hpo.spaces import Point


class Data(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    n_train: int
    loss: str = "error"


def load(name: str) -> Data:
    """Return a data set in a fixed random order."""
    rng = np.random.default_rng(7)
    data = MAKERS[name](rng)
    order = rng.permutation(len(data.y))
    return data._replace(X=data.X[order], y=data.y[order])


def digits(rng: np.random.Generator) -> Data:
    return Data(*datasets.load_digits(return_X_y=True), 400)


def cancer(rng: np.random.Generator) -> Data:
    return Data(*datasets.load_breast_cancer(return_X_y=True), 150, "log loss")


def wine(rng: np.random.Generator) -> Data:
    return Data(*datasets.load_wine(return_X_y=True), 60, "log loss")


def diabetes(rng: np.random.Generator) -> Data:
    X, y = datasets.load_diabetes(return_X_y=True)
    return Data(X, (y - y.mean()) / y.std(), 200, "squared error")


def synth(rng: np.random.Generator) -> Data:
    X, y = datasets.make_classification(
        1900,
        20,
        n_informative=6,
        n_redundant=4,
        n_classes=4,
        class_sep=1.2,
        flip_y=0.03,
        random_state=3,
    )
    return Data(X * np.exp(rng.normal(size=20)), y, 400)


def imbal(rng: np.random.Generator) -> Data:
    X, y = datasets.make_classification(
        2600,
        15,
        n_informative=5,
        n_clusters_per_class=3,
        weights=[0.92],
        flip_y=0.02,
        random_state=5,
    )
    return Data(X, y, 600, "ranking")


def rings(rng: np.random.Generator) -> Data:
    X, y = datasets.make_gaussian_quantiles(
        n_samples=1900, n_features=4, n_classes=3, random_state=4
    )
    X = np.c_[X, rng.normal(size=(1900, 8))] * np.exp(0.7 * rng.normal(size=12))
    wrong = rng.random(1900) < 0.05
    y[wrong] = rng.integers(0, 3, wrong.sum())
    return Data(X, y, 400)


def friedman(rng: np.random.Generator) -> Data:
    X, y = datasets.make_friedman1(1700, 12, noise=1.0, random_state=6)
    y = (y - y.mean()) / y.std()
    return Data(X * np.exp(rng.normal(size=12)), y, 200, "squared error")


MAKERS = {f.__name__: f for f in (digits, cancer, wine, diabetes, synth, imbal, rings, friedman)}


def holdout_loss(data: Data, algorithm: str, point: Point) -> float:
    """Train on the first rows and return the loss on the next 1,200; NaN if that fails."""
    n = data.n_train
    train, test = slice(0, n), slice(n, n + 1200)
    return loss_of(data, algorithm, point, train, test)


def folds(data: Data, rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return three fixed folds of the first rows."""
    split = KFold if data.loss == "squared error" else StratifiedKFold
    return list(split(3, shuffle=True, random_state=0).split(data.X[:rows], data.y[:rows]))


def cross_validated(data: Data, folds: Any, algorithm: str, point: Point) -> float:
    """Return the mean loss over folds; NaN if one fails."""
    return float(np.mean([loss_of(data, algorithm, point, a, b) for a, b in folds]))


def loss_of(data: Data, algorithm: str, point: Point, train: Any, test: Any) -> float:
    regression = data.loss == "squared error"
    X, y = data.X[test], data.y[test]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = pipeline(algorithm, point, X.shape[1], regression)
            model.fit(data.X[train], data.y[train])
            loss = LOSSES[data.loss](model, data.X[train], data.y[train], X, y)
        except (ValueError, FloatingPointError, np.linalg.LinAlgError):
            return float("nan")
    return float(loss) if np.isfinite(loss) else float("nan")


def squared_error(model: Any, X0: Any, y0: Any, X: Any, y: Any) -> float:
    return float(np.mean((model.predict(X) - y) ** 2) / np.var(y))


def error(model: Any, X0: Any, y0: Any, X: Any, y: Any) -> float:
    return 1 - float(model.score(X, y))


def ranking(model: Any, X0: Any, y0: Any, X: Any, y: Any) -> float:
    """Return one minus the area under the receiver operating characteristic."""
    if hasattr(model, "decision_function"):
        return 1 - float(roc_auc_score(y, model.decision_function(X)))
    return 1 - float(roc_auc_score(y, model.predict_proba(X)[:, 1]))


def logarithmic(model: Any, X0: Any, y0: Any, X: Any, y: Any) -> float:
    """Return the log loss; a logistic regression turns scores into probabilities."""
    if hasattr(model, "predict_proba"):
        p = model.predict_proba(X)
    else:
        scores = [model.decision_function(x).reshape(len(x), -1) for x in (X0, X)]
        p = LogisticRegression().fit(scores[0], y0).predict_proba(scores[1])
    p = np.clip(p, 1e-4, 1)
    return float(log_loss(y, p / p.sum(axis=1, keepdims=True), labels=model.classes_))


LOSSES = {
    "squared error": squared_error,
    "error": error,
    "ranking": ranking,
    "log loss": logarithmic,
}
