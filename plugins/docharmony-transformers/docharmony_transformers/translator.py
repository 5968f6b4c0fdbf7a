"""Translator ``transformers``: any checkpoint folder on this machine that the library can load.

Checkpoints for translation (Marian, NLLB, M2M100, mBART, T5, MADLAD) get one sentence at a time, which
is what they have learnt; language models get a paragraph and a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from docharmony import Translation, Translator, UsageError

from .model import Model, Written, read_config

_PROMPT = (
    "Translate the text from {source} to {target} (BCP 47 tags). Keep marks such as \u27e61\u27e7, "
    "tags such as <s1>...</s1> and all numbers. Answer with the translation alone, on one line."
)
_PLAIN = "{instruction}\n\nText: {text}\nTranslation:"


@dataclass(frozen=True, slots=True)
class TransformersConfig:
    """Options of the translator ``transformers``."""

    path: str = ""
    """Folder of the checkpoint: config.json, tokenizer, weights."""

    kind: Literal["auto", "seq2seq", "causal"] = "auto"
    """``seq2seq`` has an encoder and a decoder, ``causal`` is a language model; ``auto`` looks."""

    prefix: str = ""
    """What a seq2seq model wants before each text, e.g. ``translate English to German: `` for T5;
    ``{source}`` and ``{target}`` stand for the tags."""

    prompt: str = _PROMPT
    """What a causal model is told; ``{source}`` and ``{target}`` stand for the tags."""

    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""

    batch: int = 16
    """Texts that are translated at once."""

    beams: int = 4
    """Width of the beam search of seq2seq models; causal ones take the likeliest token."""

    max_tokens: int = 512
    """Tokens that a translation may have."""


class TransformersTranslator(Translator):
    """Translates with a checkpoint of the user's own."""

    name: ClassVar[str] = "transformers"
    Config: ClassVar[type[Any]] = TransformersConfig
    config: TransformersConfig

    def __init__(self, config: TransformersConfig | None = None) -> None:
        super().__init__(config)
        self._model: Model | None = None

    @property
    def mark(self) -> str:  # type: ignore[override]
        """Square brackets for seq2seq models, whose vocabularies have no others."""
        return "[{}]" if self._seq2seq else "\u27e6{}\u27e7"

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Seq2seq models have learnt sentences."""
        return "sentence" if self._seq2seq else "text"

    @property
    def tags(self) -> bool:  # type: ignore[override]
        """Language models keep tags more often than not; seq2seq models have learnt none."""
        return not self._seq2seq

    @property
    def _seq2seq(self) -> bool:
        if self.config.kind != "auto":
            return self.config.kind == "seq2seq"
        data = read_config(self.config.path)
        named = " ".join(map(str, data.get("architectures") or ()))
        return bool(data.get("is_encoder_decoder")) or "ConditionalGeneration" in named

    def check(self, source: str, target: str) -> None:
        """Load the checkpoint; raise where it is none, or translates other languages."""
        if self.config.batch < 1 or self.config.beams < 1 or self.config.max_tokens < 1:
            raise UsageError(
                "an option of the translator transformers is out of range",
                hint="batch, beams and max_tokens are 1 or more.",
            )
        model = self._loaded()
        if not self._seq2seq:
            return
        model.pair(source, target)
        nameless = not model.languages and not getattr(model.tokenizer, "target_lang", None)
        if (
            nameless
            and model.model.config.model_type in ("t5", "mt5", "umt5")
            and not self.config.prefix
        ):
            raise UsageError(
                "this checkpoint has to be told what to do",
                where=self.config.path,
                why="T5 models want a prefix before each text",
                hint="--set 'translators.transformers.prefix=translate English to German: '",
            )

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """Return the translation of each text; long texts together, so that little is padded."""
        self.check(source, target)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        found: dict[int, Translation] = {}
        for start in range(0, len(order), self.config.batch):
            chosen = order[start : start + self.config.batch]
            batch = [texts[index] for index in chosen]
            answers = self._batch(batch, source, target)
            found |= dict(zip(chosen, answers, strict=True))
        return [found[index] for index in range(len(texts))]

    def _batch(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        model = self._loaded()
        seq2seq = self._seq2seq
        left, right = model.pair(source, target) if seq2seq else (None, None)
        asked = [self._asked(text, source, target, right.token if right else "") for text in texts]
        sizes = [len(ids) for ids in model.tokenizer(asked)["input_ids"]]
        longest = min(self.config.max_tokens, 32 + 4 * max(sizes))
        room = model.window - (0 if seq2seq else longest)
        fitting = [n for n, size in enumerate(sizes) if size <= room]
        results = [Translation(None, 0.0, ("too long for the model",), failed=True) for _ in texts]
        if fitting:
            forced = right is not None and right.form in ("nllb", "m2m", "mbart")
            written = model.write(
                [asked[n] for n in fitting],
                beams=self.config.beams if seq2seq else 1,
                longest=longest,
                source=left if forced else None,
                first=right if forced else None,
            )
            for n, answer in zip(fitting, written, strict=True):
                results[n] = _translation(answer, seq2seq=seq2seq)
        return results

    def _asked(self, text: str, source: str, target: str, token: str) -> str:
        """Return a text as the model wants to read it."""
        if self._seq2seq:
            # Marian and MADLAD read the language wanted; others begin to write with it.
            named = f"{token} " if token[:2] in (">>", "<2") else ""
            prefix = self.config.prefix.replace("{source}", source).replace("{target}", target)
            return f"{named}{prefix}{text}"
        instruction = self.config.prompt.replace("{source}", source).replace("{target}", target)
        tokenizer = self._loaded().tokenizer
        if getattr(tokenizer, "chat_template", None):
            messages = [{"role": "user", "content": f"{instruction}\n\n{text}"}]
            return str(
                tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            )
        return _PLAIN.format(instruction=instruction, text=text)

    def _loaded(self) -> Model:
        if self._model is None:
            read_config(self.config.path)
            self._model = Model(self.config.path, seq2seq=self._seq2seq, device=self.config.device)
        return self._model


def _translation(answer: Written, *, seq2seq: bool) -> Translation:
    text = answer.text
    if not seq2seq:
        # A language model goes on: the translation is its first line, without what announces it.
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].endswith(":"):
            lines = lines[1:]
        text = lines[0] if lines else ""
        complete = answer.ended or len(lines) > 1
    else:
        complete = answer.ended
    if not complete:
        return Translation(None, 0.0, ("the model did not come to an end",), failed=True)
    return Translation(text or None, answer.confidence)
