.PHONY: check lint types test
check: lint types test
