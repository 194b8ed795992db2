"""What solvers and runs share: spaces, candidates, evaluations, solvers, seeds and errors."""
