"""The old way to print a line."""

from typing import Any

__all__ = ["ToolFunction"]


class ToolFunction:
    """Helpers of old scripts."""

    @staticmethod
    def log(text: Any) -> None:
        """Print a line that begins with ``[zoopt]``.

        Examples
        --------
        >>> ToolFunction.log("ready")
        [zoopt] ready
        """
        print(f"[zoopt] {text}")
