"""The executor ray: the same pages from Ray's workers, and its errors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import docharmony
from docharmony import ConfigError, MissingExtraError, Pipeline, Plugins, RunConfig, StageError
from docharmony.model import Page, PageFailure

ROOT = Path(__file__).parents[3]
FAULTS = str(ROOT / "tests" / "plugins" / "faults.py")


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reportlab.pdfgen.canvas import Canvas

    path = tmp_path_factory.mktemp("letter") / "letter.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842), invariant=True)
    for number in (1, 2, 3):
        canvas.drawString(72, 770, f"Page {number} of the letter.")
        canvas.showPage()
    canvas.save()
    return path


def make(*stages: str, **options: object) -> Pipeline:
    routes = {"digital": list(stages), "mixed": list(stages), "scan": []}
    config = RunConfig.from_mapping({"routes": routes, "executor": "ray", **options})
    return Pipeline(config, plugins=Plugins(["docharmony_ray", FAULTS], allow=[]))


def test_without_ray_the_error_says_what_to_install(
    letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with docharmony.open(letter) as source, pytest.raises(MissingExtraError) as caught:
        make("layout").run(source)
    assert caught.value.exit_code == 7
    assert caught.value.hint == "pip install ray"


def test_stage_objects_do_not_travel(letter: Path) -> None:
    plugins = Plugins(["docharmony_ray"], allow=[])
    pipeline = Pipeline(RunConfig(executor="ray"), routes={"digital": []}, plugins=plugins)
    with docharmony.open(letter) as source, pytest.raises(ConfigError, match="cannot send"):
        pipeline.run(source)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_pages_come_from_two_workers_in_order_and_failures_cross(
    letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one cluster, which takes seconds to start: pages, failures, errors, and a dead worker."""
    ray = pytest.importorskip("ray")
    # Workers start outside of pytest: they find the plugins as programs do.
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'plugins' / 'docharmony-ray'}")
    # Below a short folder: sockets have short names.
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        with docharmony.open(letter) as source:
            pages = list(make("layout", "fault.marks", jobs=2, batch=1).pages(source))
            assert [page.number for page in pages if isinstance(page, Page)] == [1, 2, 3]
            seen = {name for p in pages if isinstance(p, Page) for name in p.has if "pid" in name}
            assert len(seen) == 2
            alone = make("layout", executor="serial").run(source)
            assert [page.text for page in alone.pages] == [page.text for page in pages]
            document = make("fault.raises", jobs=2, batch=1).run(source, keep_going=True)
            assert document.failures == (PageFailure(2, "fault.raises", "ValueError"),)
            with pytest.raises(StageError, match="page 2, stage fault"):
                make("fault.raises", jobs=2, batch=1).run(source)
            with pytest.raises(StageError, match="a worker of Ray died"):
                make("fault.dies", jobs=1).run(source)
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_the_command_starts_and_stops_ray_itself(letter: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    import os
    import subprocess

    (tmp_path / "p.toml").write_text('formats = ["text"]\n')
    command = [sys.executable, "-m", "docharmony", "--plugin", "docharmony_ray", "run", "p.toml"]
    done = subprocess.run(
        [*command, str(letter), "-o", "out", "--executor", "ray", "--jobs", "2"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins' / 'docharmony-ray'}",
            "DOCHARMONY_PLUGINS": "",
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == f"docharmony: {letter} -> letter.txt\n"
    assert "Page 3 of the letter." in (tmp_path / "out" / "letter.txt").read_text()
