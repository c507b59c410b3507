"""Measurements behind the project's figures. `python -m tests.bench [PART ...]` prints tables; nothing here asserts."""
