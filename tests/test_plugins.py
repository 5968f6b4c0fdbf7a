"""The plugin manager: where names come from, who owns them, and what goes wrong."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from docharmony import PluginError, Plugins, UsageError

FAULTS = str(Path(__file__).parent / "plugins" / "faults.py")


def plugin_file(folder: Path, name: str, body: str) -> str:
    path = folder / f"{name}.py"
    path.write_text(f"from docharmony import hookimpl\n{body}")
    return str(path)


def test_the_core_registers_itself_through_hooks() -> None:
    plugins = Plugins(allow=[])
    assert {"ocr", "layout", "redact"} <= set(plugins.stages.names())
    assert {"json", "text", "markdown", "hocr", "alto", "pdf", "png"} == set(
        plugins.writers.names()
    )
    assert plugins.executors.names() == ["process", "serial"]
    assert {"email", "iban", "credit_card"} <= set(plugins.detectors.names())
    assert plugins.checkpoints.entry("nano").distribution == "docharmony"


def test_every_target_of_the_core_can_be_loaded() -> None:
    plugins = Plugins(allow=[])
    for registry in plugins.registries:
        for entry in registry:
            if entry.kind != "checkpoint":
                assert entry.load() is not None, entry.name
            assert entry.summary, entry.name


def test_a_plugin_file_adds_stages() -> None:
    plugins = Plugins([FAULTS], allow=[])
    assert plugins.stages.get("fault.raises").__name__ == "Raises"
    assert plugins.infos[-1].location == FAULTS


def test_a_plugin_that_is_named_twice_is_loaded_once() -> None:
    """As one is that is installed and given with --plugin too."""
    named, plain = Plugins(["docharmony.builtin"], allow=[]), Plugins(allow=[])
    assert len(named.infos) == len(plain.infos)
    assert [entry.name for entry in named.stages] == [entry.name for entry in plain.stages]


def test_a_name_has_one_owner(tmp_path: Path) -> None:
    body = "@hookimpl\ndef register_stages(register):\n    register('ocr', 'x:y')\n"
    with pytest.raises(PluginError, match=r"'ocr'.*docharmony and docharmony_plugin_mine"):
        Plugins([plugin_file(tmp_path, "mine", body)], allow=[])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise RuntimeError('boom')", "boom"),
        ("@hookimpl\ndef no_such_hook(register): pass", "no_such_hook"),
        ("@hookimpl\ndef register_stages(wrong): pass", "wrong"),
        ("@hookimpl\ndef register_stages(register): 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_bad_plugin_is_named(tmp_path: Path, body: str, expected: str) -> None:
    path = plugin_file(tmp_path, "bad", body)
    with pytest.raises(PluginError, match=expected) as caught:
        Plugins([path], allow=[])
    assert caught.value.hint
    assert "bad" in str(caught.value)


def test_a_missing_plugin_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no such file"):
        Plugins([str(tmp_path / "none.py")], allow=[])
    with pytest.raises(PluginError, match="no_such_module"):
        Plugins(["no_such_module"], allow=[])


def test_a_target_that_does_not_load_is_a_plugin_error(tmp_path: Path) -> None:
    body = "@hookimpl\ndef register_stages(register):\n    register('far', 'nowhere.at:All')\n"
    plugins = Plugins([plugin_file(tmp_path, "far", body)], allow=[])
    with pytest.raises(PluginError, match="nowhere"):
        plugins.stages.get("far")


def test_unknown_names_get_suggestions() -> None:
    with pytest.raises(UsageError) as caught:
        Plugins(allow=[]).stages.get("layuot")
    assert "layout" in caught.value.hint


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed distributions, each with an entry point."""
    for name in ("alpha", "beta"):
        (tmp_path / f"dh_{name}.py").write_text(
            "from docharmony import hookimpl\n@hookimpl\ndef register_stages(register):\n"
            f"    register('{name}', 'heavy_{name}:Stage', 'does {name}')\n"
        )
        info = tmp_path / f"docharmony_{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: docharmony-{name}\nVersion: 1.2\n"
        )
        (info / "entry_points.txt").write_text(f"[docharmony]\n{name} = dh_{name}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    for name in ("dh_alpha", "dh_beta"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_entry_points_are_found_without_their_heavy_targets(installed: Path) -> None:
    plugins = Plugins(allow=["alpha", "beta"])
    entry = plugins.stages.entry("alpha")
    assert (entry.distribution, entry.version) == ("docharmony-alpha", "1.2")
    assert "heavy_alpha" not in sys.modules


@pytest.mark.parametrize(
    ("value", "expected"),
    [("beta", {"beta"}), ("docharmony-alpha", {"alpha"}), ("", set()), (" , ", set())],
)
def test_the_allow_list_filters_before_import(
    installed: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: set[str]
) -> None:
    monkeypatch.setenv("DOCHARMONY_PLUGINS", value)
    plugins = Plugins()
    assert {"alpha", "beta"} & set(plugins.stages.names()) == expected
    for name in {"alpha", "beta"} - expected:
        assert f"dh_{name}" not in sys.modules
