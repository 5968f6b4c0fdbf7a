"""A checkpoint folder, loaded and run: texts in, texts with their probabilities out."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docharmony import EngineError, MissingExtraError, UsageError
from docharmony.translators.tags import same

from . import codes


@dataclass(frozen=True, slots=True)
class Written:
    """What the model wrote.

    Attributes:
        text: without special tokens.
        confidence: geometric mean of the probabilities of its tokens, 0.0-1.0.
        ended: whether the model came to an end by itself.
    """

    text: str
    confidence: float
    ended: bool


def read_config(path: str) -> dict[str, Any]:
    """Return the config.json of a checkpoint folder.

    Raises:
        UsageError: no folder, or none with a model that transformers knows how to read.
    """
    if not path or not Path(path).is_dir():
        raise UsageError(
            "the translator transformers needs the folder of a checkpoint",
            where=path,
            hint="For example: --set translators.transformers.path=opus-mt-en-es",
        )
    try:
        data = json.loads((Path(path) / "config.json").read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError
    except (OSError, ValueError):
        raise UsageError(
            "this folder holds no checkpoint of transformers",
            where=path,
            why="its config.json is missing or damaged",
            hint="Name the folder with config.json, the tokenizer and the weights.",
        ) from None
    return data


class Model:
    """A tokenizer and a model in memory. Nothing is downloaded and no code of the folder is run.

    Args:
        path: the checkpoint folder.
        seq2seq: whether it has an encoder and a decoder.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        UsageError: the folder does not load.
        MissingExtraError: torch or transformers is not installed.
        EngineError: the device is not there.
    """

    def __init__(self, path: str, *, seq2seq: bool, device: str) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingExtraError(
                "the translator transformers lacks a package",
                where=error.name or "",
                hint="pip install torch transformers sentencepiece",
            ) from None
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        self._torch = torch
        self.seq2seq = seq2seq
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise EngineError("there is no CUDA device", hint="Use --device cpu.")
        self.device = (
            ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        )
        cls = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
            model = cls.from_pretrained(path, **options)
        except Exception as error:
            # Whatever a library says of a folder: its class is enough, and the folder is named.
            raise UsageError(
                "this checkpoint does not load",
                where=path,
                why=type(error).__name__,
                hint="Check that config.json, tokenizer and weights are there and belong together.",
            ) from error
        if not seq2seq:
            self.tokenizer.padding_side = "left"
            if self.tokenizer.pad_token_id is None:
                self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = model.to(self.device).eval()
        # The tokenizer of M2M-100 keeps its language tokens beside its vocabulary.
        beside = getattr(self.tokenizer, "lang_token_to_id", {})
        self.languages = codes.find(dict.fromkeys([*self.tokenizer.get_vocab(), *beside]))

    @property
    def window(self) -> int:
        """Tokens that the model can take in at once."""
        limits = [self.tokenizer.model_max_length]
        for name in ("max_position_embeddings", "n_positions"):
            value = getattr(self.model.config, name, None)
            if isinstance(value, int) and value > 0:
                limits.append(value)
        return int(min(limits))

    def pair(self, source: str, target: str) -> tuple[codes.Code | None, codes.Code | None]:
        """Return the checkpoint's names of two languages; None for those that it has no names for.

        Raises:
            UsageError: the checkpoint translates other languages.
        """
        own = (
            getattr(self.tokenizer, "source_lang", None),
            getattr(self.tokenizer, "target_lang", None),
        )
        if own[0] and own[1] and not self.languages:
            for tag, mine in ((source, own[0]), (target, own[1])):
                if tag and not _alike(tag, mine):
                    raise self._other(f"{own[0]} to {own[1]}")
            return None, None
        if not self.languages:
            return None, None
        left, right = (
            codes.choose(self.languages, source or target),
            codes.choose(self.languages, target),
        )
        many = self.languages[0].form in ("nllb", "m2m", "mbart")
        if right is None or (many and source and left is None):
            raise self._other(
                f"{len(self.languages)} languages, but not {target if right is None else source}"
            )
        return (left if source else None), right

    def _other(self, what: str) -> UsageError:
        return UsageError(
            "this checkpoint does not translate these languages",
            why=f"it knows {what}",
            hint="Choose another --to or --from, or another checkpoint.",
        )

    def write(
        self,
        texts: Sequence[str],
        *,
        beams: int,
        longest: int,
        source: codes.Code | None = None,
        first: codes.Code | None = None,
    ) -> list[Written]:
        """Return what the model writes for each text, without chance.

        Args:
            texts: as the model is to read them.
            beams: width of the beam search; 1 takes the likeliest token each time.
            longest: tokens that it may write.
            source: name of the texts' language, for tokenizers that want it.
            first: the language token that it has to begin with.
        """
        torch = self._torch
        if source is not None:
            self.tokenizer.src_lang = source.name
        batch = self.tokenizer(
            list(texts), return_tensors="pt", padding=True, return_token_type_ids=False
        ).to(self.device)
        options: dict[str, Any] = {}
        if first is not None:
            options["forced_bos_token_id"] = self.tokenizer.convert_tokens_to_ids(first.token)
        with torch.inference_mode():
            out = self.model.generate(
                **batch,
                max_new_tokens=longest,
                max_length=None,
                num_beams=beams,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                return_dict_in_generate=True,
                output_scores=True,
                pad_token_id=self.tokenizer.pad_token_id,
                **options,
            )
            steps = self.model.compute_transition_scores(
                out.sequences,
                out.scores,
                getattr(out, "beam_indices", None),
                normalize_logits=True,
            )  # (texts, tokens) log probabilities of what was written
        ends = self.model.generation_config.eos_token_id
        ends = set(ends) if isinstance(ends, list) else {ends}
        results = []
        for row, scores in zip(out.sequences, steps, strict=True):
            written = row[-len(scores) :].tolist()
            stop = next((n for n, token in enumerate(written) if token in ends), None)
            count = len(written) if stop is None else stop + 1
            logs = [float(value) for value in scores[:count] if math.isfinite(float(value))]
            mean = math.exp(sum(logs) / len(logs)) if logs else 0.0
            text = self.tokenizer.decode(written[:count], skip_special_tokens=True)
            results.append(Written(text.strip(), min(1.0, mean), stop is not None))
        return results


def _alike(tag: str, own: str) -> bool:
    """Return whether a checkpoint's own name of a language, which may be a group, is that of a tag."""
    from docharmony.translators.tags import normal

    try:
        return same(tag, normal(own))
    except UsageError:
        return True  # a group of languages, such as roa: let it try
