"""Save and restore a searcher of Ray Tune as a whole."""

import os
import uuid
from pathlib import Path
from typing import Any

import cloudpickle
from ray.tune import search

__all__ = ["SavedSearcher"]

_Searcher: Any = search.Searcher

#: Increased with each change that makes older states unreadable.
STATE_VERSION = 3


class SavedSearcher(_Searcher):  # type: ignore[misc]  # Ray may be missing when types are checked
    """A searcher that saves all its attributes.

    Notes
    -----
    The state is a pickle, which refers to zoopt's own classes by name. Read it with the version of
    zoopt that wrote it, and only if you trust its source.
    """

    def get_state(self) -> dict[str, Any]:
        """Return a copy of the whole state.

        Returns
        -------
        dict
            Its version, and a pickle.
        """
        return {"version": STATE_VERSION, "search": cloudpickle.dumps(self.__dict__)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Adopt a state.

        Parameters
        ----------
        state : dict
            The result of `get_state`.

        Raises
        ------
        ValueError
            If it is not such a state, or has another version.
        """
        version = state.get("version") if isinstance(state, dict) else None
        if version != STATE_VERSION or "search" not in state:
            raise ValueError(
                f"state must be of {type(self).__name__}, version {STATE_VERSION}, "
                f"got version {version!r}"
            )
        self.__dict__.update(cloudpickle.loads(state["search"]))

    def save(self, checkpoint_path: str) -> None:
        """Write the state to a file atomically.

        Parameters
        ----------
        checkpoint_path : str
        """
        temporary = f"{os.fspath(checkpoint_path)}.{uuid.uuid4().hex}"
        try:
            with open(temporary, "wb") as file:
                cloudpickle.dump(self.get_state(), file)
            os.replace(temporary, checkpoint_path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def restore(self, checkpoint_path: str) -> None:
        """Read a state that `save` wrote.

        Parameters
        ----------
        checkpoint_path : str

        Raises
        ------
        ValueError
            If the file holds another state, or one of another version.
        """
        with open(checkpoint_path, "rb") as file:
            self.set_state(cloudpickle.load(file))
