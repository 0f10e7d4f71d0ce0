"""The generator of examples/, for tests: small tables that look like the published ones."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

_PATH = Path(__file__).parents[1] / "examples" / "flow_tables.py"


def generator() -> Any:
    """The module examples/flow_tables.py."""
    name = "example_flow_tables"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _PATH)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
