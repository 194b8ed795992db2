"""The logging helper of ZOOpt 0.4.2."""

from typing import Any

__all__ = ["ToolFunction"]


class ToolFunction:
    """Helper functions for scripts written for ZOOpt 0.4.2."""

    @staticmethod
    def log(text: Any) -> None:
        """Print a line that begins with ``[zoopt]``.

        Parameters
        ----------
        text : object

        Examples
        --------
        >>> ToolFunction.log("ready")
        [zoopt] ready
        """
        print(f"[zoopt] {text}")
