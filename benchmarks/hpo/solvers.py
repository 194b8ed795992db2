"""One adapter for each solver: a library's own space from a neutral one, `ask` and `tell`.

This module runs in the library's environment, which needs numpy and the library alone. Solvers have
their defaults, and the worst losses are told as they are. Libraries without conditional parameters
(cmaes, scikit-optimize, HEBO) search all parameters, and the inactive ones are ignored.
"""

import logging
import math
import tempfile
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from hpo.spaces import Parameter, Point, Space


class Adapter(Protocol):
    """Proposals of one run; `ask` may be called several times before `tell`."""

    def ask(self) -> tuple[Any, Point]:
        """Return the library's handle and the point."""

    def tell(self, handle: Any, loss: float) -> None: ...


class Random:
    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        self._space, self._rng = space, np.random.default_rng([seed, 15])

    def ask(self) -> tuple[Any, Point]:
        return None, self._space.sample(self._rng)

    def tell(self, handle: Any, loss: float) -> None:
        pass


class Zoopt:
    """A registered solver of zoopt, such as "sracos"."""

    def __init__(
        self, space: Space, budget: int, seed: int, in_flight: int, name: str, **options: Any
    ) -> None:
        from zoopt.core.registry import make_solver

        self._space = space
        self._solver = make_solver(name, zoopt_space(space), budget=budget, seed=seed, **options)

    def ask(self) -> tuple[Any, Point]:
        candidate = self._solver.ask()
        return candidate, dict(candidate.x)

    def tell(self, handle: Any, loss: float) -> None:
        self._solver.tell(handle, loss)


def zoopt_space(space: Space) -> Any:
    import zoopt

    def entry(p: Parameter) -> Any:
        if p.kind == "real":
            return zoopt.Real(p.low, p.high, log=p.log)
        if p.kind == "integer":
            return zoopt.Integer(p.low, p.high, log=p.log)
        below = {value: space.children(p.name, value) for value in p.values}
        if not any(below.values()):
            return zoopt.Choice(list(p.values))
        return zoopt.Choice(
            {value: {c.name: entry(c) for c in cs} or None for value, cs in below.items()}
        )

    return zoopt.Space({p.name: entry(p) for p in space.roots()})


class Optuna:
    def __init__(
        self, space: Space, budget: int, seed: int, in_flight: int, sampler: str, **options: Any
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        if in_flight > 1 and sampler == "TPESampler":
            options["constant_liar"] = True  # as its documentation advises for parallel runs
        made = getattr(optuna.samplers, sampler)(seed=seed, **options)
        self._space, self._study = space, optuna.create_study(sampler=made)

    def ask(self) -> tuple[Any, Point]:
        trial = self._study.ask()
        point: Point = {}
        for p in self._space.parameters:
            if p.parent is None or point.get(p.parent, p) in p.levels:
                point[p.name] = self._suggested(trial, p)
        return trial, point

    def _suggested(self, trial: Any, p: Parameter) -> Any:
        if p.kind == "choice":
            return trial.suggest_categorical(p.name, p.values)
        suggest = trial.suggest_float if p.kind == "real" else trial.suggest_int
        return suggest(p.name, p.low, p.high, log=p.log)

    def tell(self, handle: Any, loss: float) -> None:
        self._study.tell(handle, loss)


class Hyperopt:
    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        import hyperopt
        from hyperopt.base import Domain

        self._space, self._hyperopt = space, hyperopt
        self._tree = _hyperopt_space(space)
        self._domain = Domain(lambda point: 0.0, self._tree)
        self._trials = hyperopt.Trials()
        self._rng = np.random.default_rng(seed)

    def ask(self) -> tuple[Any, Point]:
        ids = self._trials.new_trial_ids(1)
        seed = int(self._rng.integers(2**31 - 1))
        (document,) = self._hyperopt.tpe.suggest(ids, self._domain, self._trials, seed)
        self._trials.insert_trial_docs([document])
        self._trials.refresh()
        drawn = {name: v[0] for name, v in document["misc"]["vals"].items() if v}
        found: Point = {}
        _collect(self._hyperopt.space_eval(self._tree, drawn), found)
        whole = {
            p.name: int(min(max(found[p.name], p.low), p.high))
            if p.kind == "integer"
            else found[p.name]
            for p in self._space.parameters
            if p.name in found
        }
        return document["tid"], self._space.prune(whole)

    def tell(self, handle: Any, loss: float) -> None:
        for document in self._trials._dynamic_trials:
            if document["tid"] == handle:
                document["state"] = self._hyperopt.JOB_STATE_DONE
                document["result"] = {"status": self._hyperopt.STATUS_OK, "loss": loss}
        self._trials.refresh()


def _collect(branch: dict[str, Any], found: Point) -> None:
    for name, value in branch.items():
        if isinstance(value, dict):
            found[name] = value["level"]
            _collect(value["below"], found)
        else:
            found[name] = value


def _hyperopt_space(space: Space) -> Any:
    from hyperopt import hp

    made: dict[str, Any] = {}

    def node(p: Parameter) -> Any:
        """Return the node of a parameter; one that several levels share is one node."""
        if p.name not in made:
            made[p.name] = fresh(p)
        return made[p.name]

    def fresh(p: Parameter) -> Any:
        low, high = p.ends()
        if p.kind == "real":
            return (hp.loguniform if p.log else hp.uniform)(p.name, low, high)
        if p.kind == "integer":
            return (hp.qloguniform if p.log else hp.quniform)(p.name, low, high, 1)
        levels = [
            {"level": v, "below": {c.name: node(c) for c in space.children(p.name, v)}}
            for v in p.values
        ]
        return hp.choice(p.name, levels)

    return {p.name: node(p) for p in space.roots()}


class CatCma:
    """CatCMAwM with its defaults, told in whole generations."""

    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        from cmaes import CatCMAwM

        self._space = space
        kinds = {
            kind: [p for p in space.parameters if p.kind == kind]
            for kind in ("real", "integer", "choice")
        }
        self._kinds = kinds
        spaces = {
            "x_space": [list(p.ends()) for p in kinds["real"]],
            "z_space": [
                [math.log(v) if p.log else v for v in range(p.low, p.high + 1)]
                for p in kinds["integer"]
            ],
            "c_space": [len(p.values) for p in kinds["choice"]],
        }
        self._optimizer = CatCMAwM(
            **{k: v for k, v in spaces.items() if v},  # type: ignore[arg-type]
            seed=seed + 1,
        )
        self._told: list[Any] = []

    def ask(self) -> tuple[Any, Point]:
        solution = self._optimizer.ask()
        point: Point = {}
        for kind, values in (("real", solution.x), ("integer", solution.z)):
            for p, v in zip(self._kinds[kind], () if values is None else values, strict=True):
                number = float(math.exp(v) if p.log else v)
                number = round(number) if kind == "integer" else number
                point[p.name] = min(max(number, p.low), p.high)
        rows = () if solution.c is None else solution.c
        for p, row in zip(self._kinds["choice"], rows, strict=True):
            point[p.name] = p.values[int(np.argmax(row))]
        return solution, self._space.prune(point)

    def tell(self, handle: Any, loss: float) -> None:
        self._told.append((handle, loss))
        if len(self._told) == self._optimizer.population_size:
            self._optimizer.tell(self._told)
            self._told = []


class Skopt:
    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        import skopt
        from skopt.space import Categorical, Integer, Real

        def dimension(p: Parameter) -> Any:
            if p.kind == "choice":
                return Categorical(p.values, name=p.name)
            prior = "log-uniform" if p.log else "uniform"
            make = Real if p.kind == "real" else Integer
            return make(p.low, p.high, prior=prior, name=p.name)

        self._space = space
        dimensions = [dimension(p) for p in space.parameters]
        self._optimizer = skopt.Optimizer(dimensions, random_state=seed)

    def ask(self) -> tuple[Any, Point]:
        values = self._optimizer.ask()
        pairs = zip(self._space.parameters, values, strict=True)
        point = {p.name: v if p.kind == "choice" else type(p.low)(v) for p, v in pairs}
        return values, self._space.prune(point)

    def tell(self, handle: Any, loss: float) -> None:
        self._optimizer.tell(handle, loss)


class Smac:
    """The facade for hyper-parameter optimization: random forests and log expected improvement."""

    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        from smac import HyperparameterOptimizationFacade, Scenario

        logging.disable(logging.WARNING)
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            _config_space(space, seed),
            deterministic=True,
            n_trials=budget,
            seed=seed,
            output_directory=self._folder.name,
        )
        self._facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False
        )
        self._space = space

    def ask(self) -> tuple[Any, Point]:
        trial = self._facade.ask()
        drawn = dict(trial.config)
        point: Point = {}
        for p in self._space.parameters:
            if p.name in drawn:
                value = drawn[p.name]
                point[p.name] = p.values[int(value)] if p.kind == "choice" else type(p.low)(value)
        return trial, point

    def tell(self, handle: Any, loss: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._facade.tell(handle, TrialValue(cost=loss))


def _config_space(space: Space, seed: int) -> Any:
    """Return the space for ConfigSpace, with the indices of choices as values."""
    from ConfigSpace import Categorical, ConfigurationSpace, Float, InCondition, Integer

    made = {}
    for p in space.parameters:
        if p.kind == "choice":
            made[p.name] = Categorical(p.name, [str(i) for i in range(len(p.values))])
        else:
            make = Float if p.kind == "real" else Integer
            made[p.name] = make(p.name, (p.low, p.high), log=p.log)
    config_space = ConfigurationSpace(seed=seed)
    config_space.add(list(made.values()))
    for p in space.parameters:
        if p.parent is not None:
            values = space.by_name[p.parent].values
            levels = [str(values.index(level)) for level in p.levels]
            config_space.add(InCondition(made[p.name], made[p.parent], levels))
    return config_space


class Hebo:
    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        def dimension(p: Parameter) -> dict[str, Any]:
            if p.kind == "choice":
                return {
                    "name": p.name,
                    "type": "cat",
                    "categories": [str(i) for i in range(len(p.values))],
                }
            name = {
                ("real", False): "num",
                ("real", True): "pow",
                ("integer", False): "int",
                ("integer", True): "pow_int",
            }[p.kind, p.log]
            return {"name": p.name, "type": name, "lb": p.low, "ub": p.high}

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        design = DesignSpace().parse([dimension(p) for p in space.parameters])
        self._space, self._optimizer = space, HEBO(design, scramble_seed=seed)

    def ask(self) -> tuple[Any, Point]:
        frame = self._optimizer.suggest(n_suggestions=1)
        row = frame.iloc[0]
        point = {
            p.name: p.values[int(row[p.name])] if p.kind == "choice" else type(p.low)(row[p.name])
            for p in self._space.parameters
        }
        return frame, self._space.prune(point)

    def tell(self, handle: Any, loss: float) -> None:
        self._optimizer.observe(handle, np.array([[loss]]))


class Nevergrad:
    """NGOpt, which chooses an algorithm by the space and the budget."""

    def __init__(self, space: Space, budget: int, seed: int, in_flight: int) -> None:
        import nevergrad as ng

        def node(p: Parameter) -> Any:
            if p.kind == "choice":
                below = [space.children(p.name, v) for v in p.values]
                if not any(below):
                    return ng.p.Choice(list(range(len(p.values))))
                return ng.p.Choice(
                    [
                        ng.p.Dict(level=i, **{c.name: node(c) for c in cs})
                        for i, cs in enumerate(below)
                    ]
                )
            made = (ng.p.Log if p.log else ng.p.Scalar)(lower=p.low, upper=p.high)
            return made.set_integer_casting() if p.kind == "integer" else made

        tree = ng.p.Dict(**{p.name: node(p) for p in space.roots()})
        tree.random_state = np.random.RandomState(seed)
        self._space = space
        self._optimizer = ng.optimizers.NGOpt(tree, budget=budget, num_workers=in_flight)

    def ask(self) -> tuple[Any, Point]:
        candidate = self._optimizer.ask()
        drawn: Point = {}
        self._collect(candidate.value, drawn)
        point = {}
        for p in self._space.parameters:
            if p.name in drawn:
                value = drawn[p.name]
                point[p.name] = p.values[value] if p.kind == "choice" else type(p.low)(value)
        return candidate, point

    def _collect(self, branch: Any, drawn: Point) -> None:
        for name, value in branch.items():
            if isinstance(value, dict) or hasattr(value, "items"):
                inner = dict(value)
                drawn[name] = inner.pop("level")
                self._collect(inner, drawn)
            else:
                drawn[name] = value

    def tell(self, handle: Any, loss: float) -> None:
        self._optimizer.tell(handle, loss)


def make(
    solver: str, space: Space, budget: int, seed: int, in_flight: int, options: dict[str, Any]
) -> Adapter:
    """Start a run; solvers without an adapter are zoopt's registered ones."""
    warnings.simplefilter("ignore")
    factory, fixed = FACTORIES.get(solver, (Zoopt, {"name": solver}))
    return factory(space, budget, seed, in_flight, **{**fixed, **options})


FACTORIES: dict[str, tuple[Callable[..., Adapter], dict[str, Any]]] = {
    "random": (Random, {}),
    "optuna-tpe": (Optuna, {"sampler": "TPESampler"}),
    "optuna-tpe-mv": (Optuna, {"sampler": "TPESampler", "multivariate": True, "group": True}),
    "optuna-gp": (Optuna, {"sampler": "GPSampler"}),
    "hyperopt": (Hyperopt, {}),
    "catcmawm": (CatCma, {}),
    "skopt": (Skopt, {}),
    "smac": (Smac, {}),
    "hebo": (Hebo, {}),
    "nevergrad": (Nevergrad, {}),
}
