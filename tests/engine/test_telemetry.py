"""The runtime below the engine keeps to itself: it may neither phone home nor leave files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RUN = """
import docharmony, numpy
engine = docharmony.Pipeline().context.engine
engine.read([numpy.full((48, 96, 3), 255, numpy.uint8)])
"""


def test_engine_leaves_no_trace(tmp_path: Path) -> None:
    homes = {name: str(tmp_path) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME")}
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"} | homes
    subprocess.run([sys.executable, "-c", RUN], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
