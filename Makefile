# Checks that need zoopt installed with its extras "test" and "lint" in the Python on the PATH.
.PHONY: check lint types test slow

KERNELS = $(addprefix zoopt._native.,archive matrices members pairs population seen)

check: lint types

lint:
	ruff check .
	ruff format --check .
	cython-lint zoopt/_native/*.pyx zoopt/_native/*.pxd
	codespell zoopt distributed tests examples benchmarks docs README.md CHANGELOG.md CONTRIBUTING.md

# From another folder, so that the installed package is checked, zoopt.distributed included.
types:
	cd tests && mypy --config-file ../pyproject.toml -p zoopt
	cd tests && python -m mypy.stubtest --mypy-config-file ../pyproject.toml $(KERNELS)

test:
	pytest -n auto

slow:
	pytest -n auto --slow
