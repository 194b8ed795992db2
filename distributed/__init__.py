"""Run zoopt on many machines. This package is installed as ``zoopt.distributed``."""

if __name__ != "zoopt.distributed":
    raise ImportError(
        "this folder is the package zoopt.distributed: install zoopt and import it by that name"
    )
