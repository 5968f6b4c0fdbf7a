"""The pipeline: order, routes, failures as data, the API of the README."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import docharmony
from docharmony import (
    ConfigError,
    InputError,
    OutputError,
    Page,
    PageFailure,
    Pipeline,
    Plugins,
    RunConfig,
    StageError,
    UsageError,
)

FAULTS = str(Path(__file__).parent / "plugins" / "faults.py")
Make = Callable[..., Pipeline]


@pytest.fixture
def make() -> Make:
    plugins = Plugins([FAULTS], allow=[])

    def build(*stages: str, **options: object) -> Pipeline:
        routes = {"digital": list(stages), "mixed": list(stages), "scan": []}
        config = RunConfig.from_mapping({"routes": routes, **options})
        return Pipeline(config, plugins=plugins)

    return build


def test_pages_come_in_order_and_batched(make: Make, letter: Path) -> None:
    pipeline = make("layout", batch=2)
    with docharmony.open(letter) as source:
        pages = list(pipeline.pages(source))
    assert [page.number for page in pages] == [1, 2, 3]
    assert all(isinstance(page, Page) and page.route == "digital" for page in pages)
    assert "Page 2 of the letter" in pages[1].text


def test_pages_are_made_one_by_one(make: Make, letter: Path) -> None:
    pipeline = make("fault.raises", batch=1)
    with docharmony.open(letter) as source:
        pages = pipeline.pages(source)
        assert next(pages).number == 1
        with pytest.raises(StageError):
            next(pages)


def test_a_failed_page_is_data_when_asked(make: Make, letter: Path) -> None:
    with docharmony.open(letter) as source:
        document = make("fault.raises").run(source, keep_going=True)
    assert [page.number for page in document.pages] == [1, 3]
    assert document.failures == (PageFailure(2, "fault.raises", "ValueError"),)


def test_a_failed_page_is_an_error_otherwise(make: Make, letter: Path) -> None:
    with (
        docharmony.open(letter) as source,
        pytest.raises(StageError, match=r"page 2, stage fault\.raises") as caught,
    ):
        make("fault.raises").run(source)
    assert "the-text-of-the-document" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("stage", ["fault.batch", "fault.loses"])
def test_a_failed_batch_is_done_again_page_by_page(make: Make, letter: Path, stage: str) -> None:
    with docharmony.open(letter) as source:
        document = make(stage).run(source)
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert all("alone" in page.has for page in document.pages)


def test_errors_of_the_input_keep_their_kind(make: Make, letter: Path) -> None:
    with docharmony.open(letter) as source, pytest.raises(InputError, match="cannot render"):
        make("fault.input").run(source)


def test_stages_in_the_wrong_order_are_refused_when_built(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"'fault\.needs'.*moonlight"):
        make("fault.needs")
    with pytest.raises(ConfigError, match="'layout' of route 'scan' needs lines"):
        Pipeline(RunConfig.from_mapping({"routes": {"scan": ["layout"]}}))
    with pytest.raises(ConfigError) as caught:
        Pipeline(RunConfig(routes={"scan": ("ocr", "qa")}))
    assert "scan = ['ocr', 'layout', 'qa']" in caught.value.hint


def test_unknown_stages_and_options_are_refused(make: Make) -> None:
    with pytest.raises(UsageError, match="layuot"):
        make("layuot")
    with pytest.raises(ConfigError, match="unknown key 'dpii'"):
        make("ocr", stages={"ocr": {"dpii": 3}})
    with pytest.raises(UsageError, match="nothing"):
        make("layout", stages={"nothing": {"a": 1}})


def test_a_plugin_can_choose_the_route(letter: Path, tmp_path: Path) -> None:
    chooser = tmp_path / "chooser.py"
    chooser.write_text(
        "from docharmony import hookimpl\n@hookimpl\n"
        "def route_page(page, config):\n    return 'mine' if page.number == 2 else None\n"
    )
    config = RunConfig.from_mapping({"routes": {"mine": []}})
    plugins = Plugins([str(chooser)], allow=[])
    with docharmony.open(letter) as source:
        pages = Pipeline(config, plugins=plugins).run(source).pages
    assert [page.route for page in pages] == ["digital", "mine", "digital"]
    with docharmony.open(letter) as source, pytest.raises(ConfigError, match="route 'mine'"):
        Pipeline(plugins=plugins).run(source)


def test_observers_see_every_page(make: Make, letter: Path) -> None:
    seen: list[object] = []

    class Observer:
        @docharmony.hookimpl
        def page_finished(self, page: Page, seconds: float) -> None:
            assert seconds >= 0
            seen.append(page.number)

        @docharmony.hookimpl
        def page_failed(self, failure: PageFailure) -> None:
            seen.append(failure)

    pipeline = make("fault.raises", keep_going=True)
    observer = Observer()
    pipeline.plugins.observe(observer)
    try:
        with docharmony.open(letter) as source:
            pipeline.run(source)
    finally:
        pipeline.plugins.manager.unregister(observer)
    assert seen == [1, PageFailure(2, "fault.raises", "ValueError"), 3]


def test_the_process_executor_gives_the_same_pages_from_other_processes(
    make: Make, letter: Path
) -> None:
    alone = make("layout", "fault.marks", executor="serial")
    spread = make("layout", "fault.marks", executor="process", jobs=2, batch=1)
    with docharmony.open(letter) as source:
        here, there = alone.run(source), spread.run(source)
    assert [page.text for page in here.pages] == [page.text for page in there.pages]
    pids = [{n for n in page.has if n.startswith("pid")} for page in (*here.pages, *there.pages)]
    assert pids[0].isdisjoint(set.union(*pids[3:]))


def test_failures_cross_the_process_border(make: Make, letter: Path) -> None:
    options = {"executor": "process", "jobs": 2, "batch": 1}
    with docharmony.open(letter) as source:
        document = make("fault.raises", **options).run(source, keep_going=True)
        assert document.failures == (PageFailure(2, "fault.raises", "ValueError"),)
        with pytest.raises(StageError, match="page 2") as caught:
            make("fault.raises", **options).run(source)
        assert caught.value.hint


def test_a_dead_worker_is_an_error(make: Make, letter: Path) -> None:
    with docharmony.open(letter) as source, pytest.raises(StageError, match="worker process died"):
        make("fault.dies", executor="process", jobs=1).run(source)


def test_stage_objects_do_not_travel(letter: Path) -> None:
    plugins = Plugins([FAULTS], allow=[])
    stage = plugins.stages.get("fault.marks")()
    routes = {"digital": [stage], "scan": [], "mixed": []}
    with docharmony.open(letter) as source:
        assert "mark" in Pipeline(routes=routes, plugins=plugins).run(source).pages[0].has
        config = RunConfig(executor="process")
        with pytest.raises(ConfigError, match="cannot send"):
            Pipeline(config, routes=routes, plugins=plugins).run(source)


def test_write_goes_by_ending_and_leaves_nothing_half_written(
    make: Make, letter: Path, tmp_path: Path
) -> None:
    pipeline = make("layout")
    out = tmp_path / "a.json"
    with docharmony.open(letter) as source:
        docharmony.write(pipeline.run(source), out, source=source)
        assert len(json.loads(out.read_text())["pages"]) == 3
        stream = io.BytesIO()
        docharmony.write(pipeline.pages(source), stream, source=source, format="text")
        assert b"Page 3" in stream.getvalue()
        with pytest.raises(UsageError, match="format"):
            docharmony.write(pipeline.run(source), tmp_path / "a.xyz", source=source)
        with pytest.raises(OutputError):
            docharmony.write(pipeline.run(source), tmp_path / "no" / "a.json", source=source)
        before = out.read_bytes()
        with pytest.raises(StageError):
            docharmony.write(make("fault.raises").pages(source), out, source=source)
        with pytest.raises(KeyboardInterrupt):
            docharmony.write(make("fault.interrupted").pages(source), out, source=source)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_memory_of_pages_is_let_go(make: Make, letter: Path) -> None:
    """A finished page is not kept by the pipeline: only the caller holds it."""
    pipeline = make("layout", batch=1)
    with docharmony.open(letter) as source:
        pages = pipeline.pages(source)
        first = next(pages)
        next(pages)
        # Two: the local name and getrefcount's own argument.
        assert sys.getrefcount(first) <= 3
