.PHONY: check quick

check:  ## everything that CI does, in a clone of its own: .venv, runs and cache here are not touched
	.ci/run

quick:  ## the linters and the fast tests, with the tools of the active environment
	ruff check . && ruff format --check . && mypy && lint-imports && python -m pytest -q
