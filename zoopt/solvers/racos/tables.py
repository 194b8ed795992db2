"""Sizes and counts by default: the tables of ZOOpt."""

__all__ = ["default_sizes", "default_uncertain_bits"]


def default_sizes(budget: int | None) -> tuple[int, int]:
    """Return the sizes for a budget, by ZOOpt's table.

    Parameters
    ----------
    budget : int or None

    Returns
    -------
    train_size, positive_size : int

    Examples
    --------
    >>> default_sizes(50), default_sizes(100), default_sizes(1000), default_sizes(None)
    ((4, 1), (6, 1), (12, 2), (22, 2))
    """
    if budget is None or budget > 1000:
        return 22, 2
    if budget > 100:
        return 12, 2
    return (6, 1) if budget > 50 else (4, 1)


def default_uncertain_bits(n_dimensions: int, any_continuous: bool) -> int:
    """Return the number of coordinates that a proposal redraws, by ZOOpt's table.

    Parameters
    ----------
    n_dimensions : int
    any_continuous : bool
        Whether a dimension is continuous.

    Returns
    -------
    int

    Examples
    --------
    >>> default_uncertain_bits(100, True), default_uncertain_bits(100, False)
    (1, 3)
    """
    limits = (100, 1000) if any_continuous else (10, 50, 100, 1000)
    return 1 + sum(n_dimensions > limit for limit in limits)
