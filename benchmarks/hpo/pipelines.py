"""The scikit-learn pipelines whose hyper-parameters are searched: spaces and models."""

from typing import Any

import numpy as np
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm
from sklearn.cluster import FeatureAgglomeration
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)

from hpo.spaces import Parameter, Point, Space, choice, integer, real, under

# ------------------------------------------------------------- spaces

REDUCTION = [
    choice("reduce", "none", "pca", "kbest"),
    *under("reduce", "pca", real("pca_fraction", 0.05, 1), choice("whiten", False, True)),
    *under("reduce", "kbest", real("kbest_fraction", 0.05, 1)),
]
PREPROCESSING = [choice("scaler", "none", "standard", "minmax", "quantile"), *REDUCTION]


def kernels(low_gamma: float, top_degree: int) -> list[Parameter]:
    return [
        choice("kernel", "linear", "rbf", "poly", "sigmoid"),
        *under("kernel", ("rbf", "poly", "sigmoid"), real("gamma", low_gamma, 10, log=True)),
        *under("kernel", "poly", integer("degree", 2, top_degree)),
        *under("kernel", ("poly", "sigmoid"), real("coef0", -1, 1)),
    ]


NETWORK = [
    choice("activation", "relu", "tanh", "logistic"),
    choice("solver", "adam", "sgd"),
    real("rate", 1e-4, 0.3, log=True),
    real("alpha", 1e-7, 10, log=True),
    integer("batch", 16, 128, log=True),
    *under(
        "solver",
        "sgd",
        real("momentum", 0, 0.99),
        choice("nesterov", False, True),
        choice("schedule", "constant", "invscaling", "adaptive"),
    ),
]

SPACES = {
    "svc": Space([real("C", 1e-3, 1e4, log=True), *kernels(1e-5, 5), *PREPROCESSING]),
    "svr": Space(
        [
            real("C", 1e-2, 1e4, log=True),
            real("epsilon", 1e-3, 1, log=True),
            *kernels(1e-4, 4),
            *PREPROCESSING,
        ]
    ),
    "hgb": Space(
        [
            real("rate", 5e-3, 1, log=True),
            integer("iterations", 5, 80, log=True),
            integer("leaves", 2, 64, log=True),
            integer("min_leaf", 1, 60, log=True),
            real("l2", 1e-6, 1e2, log=True),
            real("max_features", 0.1, 1),
            integer("bins", 8, 255, log=True),
        ]
    ),
    "rf": Space(
        [
            choice("kind", "random", "extra"),
            integer("trees", 5, 50, log=True),
            choice("criterion", "first", "second"),
            real("max_features", 0.05, 1),
            integer("min_leaf", 1, 30, log=True),
            choice("depth_limit", False, True),
            *under("depth_limit", True, integer("max_depth", 1, 20, log=True)),
            choice("bootstrap", False, True),
            *under("bootstrap", True, real("max_samples", 0.1, 1)),
        ]
    ),
    "knn": Space(
        [
            integer("k", 1, 60, log=True),
            choice("weights", "uniform", "distance"),
            choice("metric", "minkowski", "chebyshev", "cosine"),
            *under("metric", "minkowski", real("p", 1, 4)),
            *PREPROCESSING,
        ]
    ),
    "mlp": Space(
        [
            integer("layers", 1, 3),
            integer("width", 4, 64, log=True),
            *NETWORK,
            choice("scaler", "none", "standard", "minmax"),
        ]
    ),
    "lin": Space(
        [
            choice("penalty", "l2", "l1", "elasticnet"),
            real("C", 1e-4, 1e3, log=True),
            *under("penalty", "elasticnet", real("l1_ratio", 0, 1)),
            choice("expand", "none", "poly"),
            *under("expand", "poly", choice("interaction", False, True)),
            choice("balanced", False, True),
            *PREPROCESSING,
        ]
    ),
    "enet": Space(
        [
            real("alpha", 1e-4, 1e2, log=True),
            real("l1_ratio", 0, 1),
            choice("expand", "none", "poly", "spline", "fourier"),
            *under("expand", "poly", choice("interaction", False, True)),
            *under("expand", "spline", integer("knots", 3, 10)),
            *under(
                "expand",
                "fourier",
                real("expand_gamma", 1e-3, 10, log=True),
                integer("components", 10, 100, log=True),
            ),
            *PREPROCESSING,
        ]
    ),
    # long ones, with 16 to 20 parameters
    "longsvc": Space(
        [
            choice("scaler", "none", "standard", "minmax", "quantile", "power"),
            *under("scaler", "quantile", integer("quantiles", 10, 200, log=True)),
            choice("reduce", "none", "pca", "kbest", "clusters"),
            *under("reduce", "pca", real("pca_fraction", 0.05, 1), choice("whiten", False, True)),
            *under("reduce", "kbest", real("kbest_fraction", 0.05, 1)),
            *under("reduce", "clusters", real("clusters_fraction", 0.1, 1)),
            choice("expand", "none", "poly", "nystroem"),
            *under("expand", "poly", choice("interaction", False, True)),
            *under(
                "expand",
                "nystroem",
                real("expand_gamma", 1e-4, 10, log=True),
                integer("components", 5, 60, log=True),
            ),
            real("C", 1e-3, 1e4, log=True),
            *kernels(1e-5, 5),
            choice("shrinking", False, True),
            choice("weighting", "none", "balanced", "factor"),
            *under("weighting", "factor", real("factor", 1, 50, log=True)),
        ]
    ),
    "longmlp": Space(
        [
            choice("scaler", "none", "standard", "minmax"),
            *REDUCTION,
            choice("layers", 1, 2, 3),
            integer("width", 4, 64, log=True),
            *under("layers", (2, 3), integer("width2", 4, 64, log=True)),
            *under("layers", 3, integer("width3", 4, 64, log=True)),
            *NETWORK,
            *under("solver", "adam", real("beta1", 0.5, 0.99), real("beta2", 0.9, 0.9999)),
            integer("epochs", 4, 30, log=True),
        ]
    ),
    "longgbr": Space(
        [
            choice("loss", "squared_error", "absolute_error", "huber"),
            *under("loss", "huber", real("alpha", 0.5, 0.99)),
            real("rate", 5e-3, 1, log=True),
            integer("trees", 10, 100, log=True),
            real("subsample", 0.3, 1),
            choice("limit", "depth", "leaves"),
            *under("limit", "depth", integer("max_depth", 1, 8)),
            *under("limit", "leaves", integer("max_leaves", 2, 40, log=True)),
            integer("min_split", 2, 60, log=True),
            integer("min_leaf", 1, 40, log=True),
            real("max_features", 0.1, 1),
            real("impurity", 1e-6, 1, log=True),
            choice("expand", "none", "poly", "spline"),
            *under("expand", "poly", choice("interaction", False, True)),
            *under("expand", "spline", integer("knots", 3, 8)),
            choice("reduce", "none", "kbest"),
            *under("reduce", "kbest", real("kbest_fraction", 0.05, 1)),
        ]
    ),
    "blend": Space(
        [
            choice("scaler", "none", "standard", "minmax", "quantile"),
            *REDUCTION,
            real("linear", 0, 1),
            real("C", 1e-4, 1e3, log=True),
            real("forest", 0, 1),
            integer("trees", 5, 40, log=True),
            real("max_features", 0.05, 1),
            integer("min_leaf", 1, 30, log=True),
            real("neighbors", 0, 1),
            integer("k", 1, 60, log=True),
            real("p", 1, 4),
            real("bayes", 0, 1),
            real("smoothing", 1e-9, 1, log=True),
        ]
    ),
}

# ------------------------------------------------------------- models


def pipeline(algorithm: str, point: Point, columns: int, regression: bool) -> Pipeline:
    """Return the pipeline of a point; `columns` is the number of the data's columns."""
    return make_pipeline(
        *preprocessing(point, columns, regression), MODELS[algorithm](point, regression)
    )


def preprocessing(point: Point, columns: int, regression: bool) -> list[Any]:
    def kept(fraction: str) -> int:
        return max(1, round(point[fraction] * columns))

    scaler = {
        "standard": StandardScaler,
        "minmax": MinMaxScaler,
        "power": PowerTransformer,
        "quantile": lambda: QuantileTransformer(
            n_quantiles=point.get("quantiles", 50), output_distribution="normal", random_state=0
        ),
    }
    reduction = {
        "pca": lambda: PCA(kept("pca_fraction"), whiten=point["whiten"], random_state=0),
        "kbest": lambda: SelectKBest(
            f_regression if regression else f_classif, k=kept("kbest_fraction")
        ),
        "clusters": lambda: FeatureAgglomeration(kept("clusters_fraction")),
    }
    expansion = {
        "poly": lambda: PolynomialFeatures(2, interaction_only=point["interaction"]),
        "spline": lambda: SplineTransformer(point["knots"]),
        "fourier": lambda: RBFSampler(
            gamma=point["expand_gamma"], n_components=point["components"], random_state=0
        ),
        "nystroem": lambda: Nystroem(
            gamma=point["expand_gamma"], n_components=point["components"], random_state=0
        ),
    }
    stages = (("scaler", scaler), ("reduce", reduction), ("expand", expansion))
    return [made[point[key]]() for key, made in stages if point.get(key, "none") != "none"]


def machine(point: Point, regression: bool) -> Any:
    settings = {
        "C": point["C"],
        "kernel": point["kernel"],
        "gamma": point.get("gamma", "scale"),
        "degree": point.get("degree", 3),
        "coef0": point.get("coef0", 0.0),
        "shrinking": point.get("shrinking", True),
        "max_iter": 3000,
    }
    if regression:
        return svm.SVR(epsilon=point["epsilon"], **settings)
    weighting = point.get("weighting", "none")
    weights = {"none": None, "balanced": "balanced", "factor": {1: point.get("factor")}}
    return svm.SVC(class_weight=weights[weighting], random_state=0, **settings)


def histogram_boosting(point: Point, regression: bool) -> Any:
    make = (
        ensemble.HistGradientBoostingRegressor
        if regression
        else ensemble.HistGradientBoostingClassifier
    )
    return make(
        learning_rate=point["rate"],
        max_iter=point["iterations"],
        max_leaf_nodes=point["leaves"],
        min_samples_leaf=point["min_leaf"],
        l2_regularization=point["l2"],
        max_features=point["max_features"],
        max_bins=point["bins"],
        early_stopping=False,
        random_state=0,
    )


def forest(point: Point, regression: bool) -> Any:
    make = {
        ("random", False): ensemble.RandomForestClassifier,
        ("random", True): ensemble.RandomForestRegressor,
        ("extra", False): ensemble.ExtraTreesClassifier,
        ("extra", True): ensemble.ExtraTreesRegressor,
    }[point["kind"], regression]
    first, second = ("squared_error", "friedman_mse") if regression else ("gini", "entropy")
    return make(
        n_estimators=point["trees"],
        criterion=first if point["criterion"] == "first" else second,
        max_features=point["max_features"],
        min_samples_leaf=point["min_leaf"],
        max_depth=point.get("max_depth"),
        bootstrap=point["bootstrap"],
        max_samples=point.get("max_samples"),
        random_state=0,
    )


def nearest(point: Point, regression: bool) -> Any:
    make = neighbors.KNeighborsRegressor if regression else neighbors.KNeighborsClassifier
    return make(
        n_neighbors=point["k"],
        weights=point["weights"],
        metric=point["metric"],
        p=point.get("p", 2),
        algorithm="brute" if point["metric"] == "cosine" else "auto",
    )


def network(point: Point, regression: bool) -> Any:
    make = neural_network.MLPRegressor if regression else neural_network.MLPClassifier
    widths = [point["width"], point.get("width2", point["width"])]
    widths.append(point.get("width3", widths[0]))
    return make(
        hidden_layer_sizes=tuple(widths[: point["layers"]]),
        activation=point["activation"],
        solver=point["solver"],
        learning_rate_init=point["rate"],
        alpha=point["alpha"],
        batch_size=point["batch"],
        momentum=point.get("momentum", 0.9),
        nesterovs_momentum=point.get("nesterov", True),
        learning_rate=point.get("schedule", "constant"),
        beta_1=point.get("beta1", 0.9),
        beta_2=point.get("beta2", 0.999),
        max_iter=point.get("epochs", 16),
        random_state=0,
    )


def logistic(point: Point, regression: bool) -> Any:
    ratio = {"l2": 0.0, "l1": 1.0}.get(point["penalty"], point.get("l1_ratio", 0.0))
    by_penalty: dict[str, Any] = {"max_iter": 100}
    if ratio > 0:
        by_penalty = {"l1_ratio": ratio, "solver": "saga", "max_iter": 60}
    return linear_model.LogisticRegression(
        C=point["C"],
        class_weight="balanced" if point["balanced"] else None,
        random_state=0,
        **by_penalty,
    )


def elastic_net(point: Point, regression: bool) -> Any:
    return linear_model.ElasticNet(alpha=point["alpha"], l1_ratio=point["l1_ratio"], max_iter=300)


def boosting(point: Point, regression: bool) -> Any:
    return ensemble.GradientBoostingRegressor(
        loss=point["loss"],
        alpha=point.get("alpha", 0.9),
        learning_rate=point["rate"],
        n_estimators=point["trees"],
        subsample=point["subsample"],
        max_depth=point.get("max_depth"),
        max_leaf_nodes=point.get("max_leaves"),
        min_samples_split=point["min_split"],
        min_samples_leaf=point["min_leaf"],
        max_features=point["max_features"],
        min_impurity_decrease=point["impurity"],
        random_state=0,
    )


def blend(point: Point, regression: bool) -> Any:
    """Average the probabilities of four models."""
    members = {
        "linear": linear_model.LogisticRegression(C=point["C"], max_iter=100),
        "forest": ensemble.RandomForestClassifier(
            point["trees"],
            max_features=point["max_features"],
            min_samples_leaf=point["min_leaf"],
            random_state=0,
        ),
        "neighbors": neighbors.KNeighborsClassifier(point["k"], weights="distance", p=point["p"]),
        "bayes": naive_bayes.GaussianNB(var_smoothing=point["smoothing"]),
    }
    weights = np.array([point[name] for name in members]) + 1e-6
    return ensemble.VotingClassifier(list(members.items()), voting="soft", weights=weights)


MODELS = {
    "svc": machine,
    "svr": machine,
    "hgb": histogram_boosting,
    "rf": forest,
    "knn": nearest,
    "mlp": network,
    "lin": logistic,
    "enet": elastic_net,
    "longsvc": machine,
    "longmlp": network,
    "longgbr": boosting,
    "blend": blend,
}
