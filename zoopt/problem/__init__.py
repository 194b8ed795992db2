"""From the user's functions and settings to a run: calls, constraints, steps, plans and headers."""
