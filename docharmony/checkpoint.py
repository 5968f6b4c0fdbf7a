"""Finds a checkpoint, reads its manifest, verifies its files. Standard library; no weights.

A checkpoint is a folder with ``manifest.json`` and the files that it names::

    {"schema": 1, "name": "nano", "engine": "textharmony", "licence": "Apache-2.0",
     "abilities": ["locate", "read", "erase"],
     "spec": {...},
     "parts": {"vision": {"file": "vision.onnx", "format": "onnx", "dtype": "int8",
                          "bytes": 123, "sha256": "..."}},
     "training": {...}}

The spec is a :class:`~docharmony.engine.spec.ModelSpec`, or with ``"anatomy": "published"`` a
:class:`~docharmony.engine.presets.PublishedSpec`.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from . import cache
from .engine.presets import Spec, spec_from_dict
from .errors import (
    CheckpointCorruptError,
    CheckpointError,
    CheckpointIncompatibleError,
    CheckpointNotFoundError,
    MissingExtraError,
)

SCHEMA = 1
ENGINE = "textharmony"
MANIFEST = "manifest.json"
_HUB = "hf:"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a checkpoint.

    Attributes:
        path: the file.
        format: ``"onnx"``, ``"safetensors"``, or of a tokenizer's file.
        dtype: how the weights are stored, e.g. ``"int8"``.
        bytes: size of the file.
        sha256: hash of the file, lower-case hexadecimal.
    """

    path: Path
    format: str
    dtype: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A checkpoint that is made on the user's machine when it is first used, and kept in the cache.

    Plugins register one where weights come in another package that must not be packed again.

    Attributes:
        module: name of a module with ``folder() -> Path``, below :func:`docharmony.cache.root`, and
            ``make(folder: Path) -> None``, which fills an empty folder. Imported when it is needed.
    """

    module: str

    def __str__(self) -> str:
        return self.module

    @property
    def folder(self) -> Path:
        """The folder, whether it is there or not."""
        found: Path = import_module(self.module).folder()
        return found

    def made(self) -> Path:
        """Return the folder, made where it is missing; raises what making it raises."""
        return cache.made(self.folder, import_module(self.module).make)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint says about itself.

    Attributes:
        path: the folder.
        abilities: what the weights were trained for: ``locate``, ``read``, ``erase``, ``write``,
            ``answer``.
        parts: by name, such as ``vision``.
        training: record of the training, free in form.
    """

    path: Path
    name: str
    licence: str
    spec: Spec
    abilities: frozenset[str]
    parts: Mapping[str, Part]
    training: Mapping[str, Any]

    def part(self, name: str) -> Part:
        """Return a part after comparing its hash with the manifest's.

        Weights may lie in a file beside the graph, the part ``NAME.data``, which is checked too;
        ``NAME`` and ``NAME.cpu``, the graph for CPUs, share it.

        Raises:
            CheckpointIncompatibleError: the checkpoint has no such part.
            CheckpointCorruptError: the file has another content than the manifest says.
        """
        if name not in self.parts:
            raise self.lacks(name)
        data = f"{name.removesuffix('.cpu')}.data"
        verify(self.parts[key] for key in (name, data) if key in self.parts)
        return self.parts[name]

    def lacks(self, name: str) -> CheckpointIncompatibleError:
        """Return the error that the checkpoint has no such part."""
        return CheckpointIncompatibleError(
            f"checkpoint {self.name!r} has no part {name!r}", where=str(self.path / MANIFEST)
        )


def find(name: str, registered: Mapping[str, str | Recipe]) -> Path:
    """Return the folder of a checkpoint.

    Args:
        name: a registered name, else an existing folder, else ``hf:org/name@revision``, the only
            form that may use the network. What was fetched is kept in ``DOCHARMONY_CACHE``, else
            where huggingface_hub keeps it; hashes are compared whenever parts are loaded.
        registered: folder or recipe by registered name; a recipe is carried out where it was not.

    Raises:
        CheckpointNotFoundError: none of the three.
        CheckpointError: the hub could not deliver.
        MissingExtraError: ``hf:`` without the extra ``hub``.
    """
    if name in registered:
        target = registered[name]
        return target.made() if isinstance(target, Recipe) else Path(target)
    if name.startswith(_HUB):
        return _download(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    known = ", ".join(sorted(registered)) or "none"
    raise CheckpointNotFoundError(
        "no such checkpoint",
        where=name,
        why=f"it is no folder and no registered name (registered: {known})",
        hint="list what is installed with `docharmony checkpoints`",
    )


def check_name(name: str, registered: Mapping[str, str | Recipe]) -> None:
    """Raise at once for what cannot be a checkpoint, without fetching, making or reading weights.

    Raises:
        CheckpointNotFoundError: no registered name, no folder with a manifest and no ``hf:`` name.
        CheckpointError: the folder's manifest cannot be used.
    """
    if name not in registered and not name.startswith(_HUB):
        load_manifest(find(name, registered))


def load_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read a checkpoint's manifest and check that its files are there, of the right size.

    Hashes are compared later, part by part (:meth:`Manifest.part`) or by :func:`verify`.

    Raises:
        CheckpointNotFoundError: there is no manifest.
        CheckpointCorruptError: the manifest is no valid JSON, or a file is missing or cut short.
        CheckpointIncompatibleError: its schema or model is not one that this version runs.
    """
    folder = Path(path)
    file = folder / MANIFEST
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointNotFoundError(
            "not a checkpoint", where=str(folder), why=f"it has no {MANIFEST}"
        ) from None
    except OSError as error:
        raise CheckpointCorruptError(
            "cannot read the manifest", where=str(file), why=error.strerror or ""
        ) from error
    except ValueError as error:
        raise _corrupt(file, "it is not valid JSON") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA or data.get("engine") != ENGINE:
        raise CheckpointIncompatibleError(
            "cannot run this checkpoint",
            where=str(file),
            why=f"it is not of engine {ENGINE!r}, schema {SCHEMA}",
            hint="a newer docharmony may know it",
        )
    try:
        spec = spec_from_dict(data["spec"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointIncompatibleError(
            "cannot run this checkpoint", where=str(file), why=f"spec: {_reason(error)}"
        ) from error
    try:
        manifest = Manifest(
            path=folder,
            name=str(data["name"]),
            licence=str(data["licence"]),
            spec=spec,
            abilities=frozenset(map(str, data["abilities"])),
            parts={str(key): _part(folder, value) for key, value in data["parts"].items()},
            training=dict(data.get("training", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _corrupt(file, _reason(error)) from error
    for part in manifest.parts.values():
        _check_size(part)
    return manifest


def verify(parts: Iterable[Part]) -> None:
    """Compare files with their recorded sizes and SHA-256 hashes.

    Raises:
        CheckpointCorruptError: names the first file that differs.
    """
    for part in parts:
        _check_size(part)
        try:
            with part.path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise _corrupt(part.path, error.strerror or "cannot be read") from error
        if digest != part.sha256:
            raise _corrupt(part.path, "its SHA-256 differs from the manifest's")


def write_manifest(
    folder: str | os.PathLike[str],
    *,
    name: str,
    licence: str,
    spec: Spec,
    abilities: Iterable[str],
    parts: Mapping[str, tuple[str, str, str]],
    training: Mapping[str, Any],
    digests: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of files that lie in a folder, whole or not at all.

    Args:
        parts: file within the folder, format and dtype of each part by its name.
        training: record of the training, free in form.
        digests: SHA-256, in hexadecimal, of files that were hashed while they were written.

    Raises:
        OSError: a file cannot be read or the manifest not be written.
    """
    root = Path(folder)
    described = {}
    for key, (file, form, dtype) in parts.items():
        size = (root / file).stat().st_size
        digest = (digests or {}).get(file)
        if digest is None:
            with (root / file).open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        described[key] = {
            "file": file, "format": form, "dtype": dtype, "bytes": size, "sha256": digest,
        }  # fmt: skip
    manifest = {
        "schema": SCHEMA, "engine": ENGINE, "name": name, "licence": licence,
        "abilities": sorted(abilities), "spec": spec.to_dict(), "parts": described,
        "training": dict(training),
    }  # fmt: skip
    draft = root / f".{MANIFEST}.part"
    draft.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    draft.replace(root / MANIFEST)


def describe(manifest: Manifest) -> dict[str, Any]:
    """Return what a list of checkpoints shows, ready for JSON."""
    return {
        "licence": manifest.licence,
        "abilities": sorted(manifest.abilities),
        "bytes": sum(part.bytes for part in manifest.parts.values()),
        "parts": {
            name: {"file": part.path.name, "format": part.format, "dtype": part.dtype}
            for name, part in manifest.parts.items()
        },
    }


def _part(folder: Path, data: Any) -> Part:
    name = PurePosixPath(data["file"])
    if name.is_absolute() or ".." in name.parts:
        raise ValueError("a file lies outside the checkpoint's folder")
    return Part(
        path=folder / name,
        format=str(data["format"]),
        dtype=str(data["dtype"]),
        bytes=int(data["bytes"]),
        sha256=str(data["sha256"]).lower(),
    )


def _check_size(part: Part) -> None:
    try:
        size = part.path.stat().st_size
    except OSError as error:
        raise _corrupt(part.path, "the file is missing") from error
    if size != part.bytes:
        raise _corrupt(part.path, f"it has {size} bytes instead of {part.bytes}")


def _corrupt(file: Path, why: str) -> CheckpointCorruptError:
    return CheckpointCorruptError(
        "the checkpoint is damaged",
        where=str(file),
        why=why,
        hint="install or copy the checkpoint again",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return str(error) or type(error).__name__


def _download(name: str) -> Path:
    repository, at, revision = name.removeprefix(_HUB).partition("@")
    if repository.count("/") != 1 or not at or not revision:
        raise CheckpointNotFoundError(
            "not a checkpoint name",
            where=name,
            why="names on the hub read hf:ORG/NAME@REVISION",
            hint="give the revision too: results must not change behind your back",
        )
    try:
        from huggingface_hub import hf_hub_download, snapshot_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError:
        raise MissingExtraError(
            "cannot fetch from the hub",
            where=name,
            why="the package huggingface_hub is not installed",
            hint='pip install "docharmony[hub]"',
        ) from None
    cache = os.environ.get("DOCHARMONY_CACHE") or None
    try:
        manifest = hf_hub_download(repository, MANIFEST, revision=revision, cache_dir=cache)
        # Only what the manifest names: a repository may hold other formats of the same weights.
        data = json.loads(Path(manifest).read_text(encoding="utf-8"))
        files = [str(part["file"]) for part in data["parts"].values()]
        snapshot_download(
            repository,
            revision=revision,
            cache_dir=cache,
            allow_patterns=[MANIFEST, "LICENSE*", "README.md", *map(glob.escape, files)],
        )
    except LocalEntryNotFoundError as error:
        raise _unreachable(name, "the hub cannot be reached, and it is not in the cache") from error
    except EntryNotFoundError:
        raise CheckpointIncompatibleError(
            "not a checkpoint",
            where=name,
            why=f"the repository has no {MANIFEST}",
            hint="weights as TextHarmony publishes them: `docharmony convert` makes a checkpoint",
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _corrupt(Path(name) / MANIFEST, _reason(error)) from error
    except Exception as error:  # the hub's errors, its client's and OSError have no common base
        raise _unreachable(name, type(error).__name__) from error
    return Path(manifest).parent


def _unreachable(name: str, why: str) -> CheckpointError:
    return CheckpointError(
        "cannot fetch the checkpoint",
        where=name,
        why=why,
        hint="check name, revision and network, or copy the folder and give its path",
    )
