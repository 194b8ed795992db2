from typing import Any, final

__all__ = ["Pairs"]

@final
class Pairs:
    def __init__(self, d: int, size: int, most_chosen: int) -> None: ...
    def __setstate__(self, state: Any) -> None: ...
