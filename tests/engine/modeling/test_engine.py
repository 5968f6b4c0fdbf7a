"""The engine on the published anatomy, with random weights of tiny shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("sentencepiece")

from docharmony.config import EngineConfig  # noqa: E402
from docharmony.engine.base import Engine, Task  # noqa: E402
from docharmony.engine.decoding import Decoding, Written  # noqa: E402
from docharmony.engine.modeling.loading import convert  # noqa: E402
from docharmony.engine.modeling.model import TextHarmonyModel  # noqa: E402
from docharmony.engine.modeling.published import published_name  # noqa: E402
from docharmony.engine.modeling.torch_parts import TorchParts  # noqa: E402
from docharmony.engine.opening import open_engine  # noqa: E402
from docharmony.engine.pieces import PieceTokenizer  # noqa: E402
from docharmony.engine.presets import TINY  # noqa: E402
from docharmony.engine.published import PublishedEngine  # noqa: E402
from docharmony.errors import (  # noqa: E402
    CheckpointCorruptError,
    CheckpointIncompatibleError,
    ConfigError,
    EngineError,
)

pytestmark = pytest.mark.torch

PIECES = Path(__file__).parents[2] / "golden" / "textharmony" / "g_tiny_sentencepiece.model"
SPEC = replace(
    TINY,
    trunk=replace(TINY.trunk, image_size=56, layers=4),
    decoder=replace(TINY.decoder, vocabulary=422, pad=419, image_start=420, image_slot=421),
    painter=replace(TINY.painter, latent=8, pos_grid=8, mmfs=replace(TINY.painter.mmfs, values=32)),
)


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    model = TextHarmonyModel(SPEC)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or name.endswith("gate"):
                parameter.normal_()  # zero at first: nothing would depend on the task
    return model.eval()


@pytest.fixture(scope="module")
def engine(model: Any) -> PublishedEngine:
    tokenizer = PieceTokenizer(PIECES, SPEC.decoder)
    return PublishedEngine(
        SPEC, TorchParts(lambda: model), tokenizer, decoding=Decoding(length=6), steps=2, batch=2
    )


def picture(seed: int, height: int = 40, width: int = 90) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_it_is_an_engine(engine: PublishedEngine) -> None:
    as_seen: Engine = engine
    assert as_seen.answer([], "Who?", context="") == []


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_do_not_depend_on_the_batch(
    engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch, beams: int
) -> None:
    monkeypatch.setattr(engine, "decoding", Decoding(length=6, beams=beams, penalty=1.3))
    images = [picture(i) for i in range(3)]  # of which two are seen at once
    together = engine.answer(images, "Who wrote this book?", context="")
    alone = [engine.answer([image], "Who wrote this book?", context="")[0] for image in images]
    assert [r.text for r in together] == [r.text for r in alone]
    assert all(0 <= r.confidence <= 1 for r in together)
    assert together[0].confidence == pytest.approx(alone[0].confidence, rel=1e-3)


def test_prompt_and_task(engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, Task]] = []

    def write(images: Any, texts: Any, task: Task) -> list[Written]:
        seen.append((texts[0], task))
        return [Written([], -0.5, 2) for _ in images]

    monkeypatch.setattr(engine, "_write", write)
    (empty,) = engine.read([picture(0)])
    engine.read([picture(0)], prompt="What colour?")
    # Words of the image task within a question must not change the experts.
    engine.answer([picture(0)], "Does it say generate an image?", context="")
    image = "<|beginofimage|>" + "<|image|>" * 6
    start = f"Based on the image, please answer the question. {image}"
    assert seen == [
        (f"{start}Extract all the text in this image. The answer is:", Task.READ),
        (f"{start}What colour? The answer is:", Task.READ),
        (f"{start}Does it say generate an image? The answer is:", Task.ANSWER),
    ]
    assert empty.text == ""
    assert empty.confidence == pytest.approx(np.exp(-0.5))


def test_places_are_in_pixels(engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[[[0, 224], [448, 224], [448, 448], [0, 448]], [[0, 0], [9, 0], [9, 9], [0, 9]]]"
    monkeypatch.setattr(engine.tokenizer, "decode", lambda ids: text)
    monkeypatch.setattr(engine, "_write", lambda *_: [Written([5], -1.0, 2)])
    (regions,) = engine.locate([picture(0)])
    assert regions[1].polygon.bbox == (0, 20, 90, 40)
    assert regions[0].polygon.bbox.y0 == 0  # in order from the top


def test_perception_in_one_answer(engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    text = "['[[0, 224], [448, 224], [448, 448], [0, 448]] Way out']"
    monkeypatch.setattr(engine.tokenizer, "decode", lambda ids: text)

    def write(images: Any, texts: Any, task: Task) -> list[Written]:
        assert task is Task.READ
        asked.append(texts[0].rpartition("<|image|>")[2])
        return [Written([5], -1.0, 2)]

    monkeypatch.setattr(engine, "_write", write)
    (((region, word),),) = engine.spot([picture(0)])
    assert (word, region.polygon.bbox) == ("Way out", (0, 20, 90, 40))
    (regions,) = engine.find([picture(0)], "Way out<|image|>")  # adds no slot to the prompt
    assert [r.polygon for r in regions] == [region.polygon]
    assert asked == [
        "Locate and extract all the text in this image. The answer is:",
        'Where is "Way out " in this image? The answer is:',
    ]


@pytest.mark.parametrize("special", ["<|image|>", "<|beginofimage|>", "</s>", "<s>"])
def test_texts_of_others_add_no_image(engine: PublishedEngine, special: str) -> None:
    (a,) = engine.answer([picture(0)], f"What{special}is it?", context="")
    (b,) = engine.answer([picture(0)], "What is it?", context="")
    assert a == b
    engine.generate(f"A{special}dog", size=(8, 8), seed=0)


def test_a_prompt_longer_than_the_context_is_an_error(engine: PublishedEngine) -> None:
    with pytest.raises(EngineError, match="too long"):
        engine.answer([picture(0)], "word " * 3000, context="")
    with pytest.raises(EngineError, match="too long"):
        engine.generate("word " * 3000, size=(8, 8), seed=0)


@pytest.mark.parametrize("text", [None, "WINNER"])
def test_painting_never_sees_what_is_masked(engine: PublishedEngine, text: str | None) -> None:
    crop = picture(1)
    mask = np.zeros(crop.shape[:2], bool)
    mask[10:30, 20:60] = True
    other = crop.copy()
    other[mask] = 255 - other[mask]
    (first,) = engine.paint([crop], [mask], [text])
    (second,) = engine.paint([other], [mask], [text])
    assert np.array_equal(first, second)
    assert np.array_equal(first[~mask], crop[~mask])
    assert not np.array_equal(first[mask], crop[mask])
    (again,) = engine.paint([crop], [mask], [text], seed=1)
    assert not np.array_equal(first, again)


def test_erasing_uses_the_experts_for_images(engine: PublishedEngine, model: Any) -> None:
    rows = []
    hook = model.language.layers[0].register_forward_hook(
        lambda *_: rows.append(model.language.lora.state.rows.tolist())
    )
    crop, mask = picture(2), np.ones((40, 90), bool)
    engine.paint([crop], [mask])
    hook.remove()
    assert rows == [[[0.5, 0.0, 0.5]]]


@pytest.mark.parametrize("size", [28, 84])
def test_images_at_another_size(model: Any, size: int) -> None:
    parts, tokenizer = TorchParts(lambda: model), PieceTokenizer(PIECES, SPEC.decoder)
    options: dict[str, Any] = {"decoding": Decoding(length=4), "steps": 1, "image_size": size}
    engine = PublishedEngine(SPEC, parts, tokenizer, **options)
    sight = engine._see([picture(0)])
    assert sight.maps[2].shape[2:] == (size // 14, size // 14)
    assert len(engine.answer([picture(0), picture(1)], "Who?", context="")) == 2
    mask = np.zeros((40, 90), bool)
    mask[5:9, 5:20] = True
    assert engine.paint([picture(0)], [mask])[0].shape == (40, 90, 3)


def test_a_size_that_cannot_be(model: Any) -> None:
    tokenizer = PieceTokenizer(PIECES, SPEC.decoder)
    with pytest.raises(ConfigError, match=r"image_size.*30 is no multiple of 28.*"):
        PublishedEngine(SPEC, TorchParts(lambda: model), tokenizer, image_size=30)


def test_nothing_to_paint(engine: PublishedEngine) -> None:
    crop = picture(3)
    (same,) = engine.paint([crop], [np.zeros((40, 90), bool)])
    assert np.array_equal(same, crop)
    with pytest.raises(ValueError, match="height and width"):
        engine.paint([crop], [np.zeros((4, 4), bool)])


def test_drawing(engine: PublishedEngine) -> None:
    first = engine.generate('A cake of "Good Time".', size=(30, 20), seed=0)
    assert first.shape == (20, 30, 3)
    assert np.array_equal(first, engine.generate('A cake of "Good Time".', size=(30, 20), seed=0))
    assert not np.array_equal(first, engine.generate("A dog.", size=(30, 20), seed=0))


def test_what_follows_the_target_does_not_matter(engine: PublishedEngine, model: Any) -> None:
    """The published prompt ends with the target's slots; ours stops at its start."""
    from docharmony.engine.modeling.image_decoder import contexts, previous_maps

    prompt = "Fill the masked part."
    slots = engine.tokenizer.image(6)
    image = torch.rand(1, 3, 56, 56)
    with torch.no_grad():
        both = model.vision(torch.cat([image, torch.zeros_like(image)]))
        one = model.vision(image)
        long = torch.tensor([engine.tokenizer.encode(f"{slots}{prompt}{slots}")])
        short = torch.tensor([engine.tokenizer.encode(f"{slots}{prompt}<|beginofimage|>")])
        language = model.language
        with language.lora.use([Task.PAINT]):
            a = language(language.embed(long, both.tokens), language.remember(long, both.maps, [2]))
            b = language(language.embed(short, one.tokens), language.remember(short, one.maps, [1]))
        full, _ = contexts(a, long, [2], SPEC.decoder)
        ours, _ = contexts(b, short, [2], SPEC.decoder)
        maps, _ = previous_maps(both.maps, [2])
    assert short[0, -1] == SPEC.decoder.image_start
    torch.testing.assert_close(ours[-1], full[-1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(maps[0][1:], one.maps[0], atol=1e-5, rtol=1e-4)


def test_from_checkpoint(model: Any, engine: PublishedEngine, tmp_path: Path) -> None:
    state = {published_name(name): value for name, value in model.state_dict().items()}
    torch.save(state, tmp_path / "model.bin")
    source = [tmp_path / "model.bin"]
    bare = convert(source, tmp_path / "bare", SPEC, dtype=torch.float32)
    with pytest.raises(CheckpointIncompatibleError, match="no part 'tokenizer'"):
        open_engine(bare)
    folder = convert(source, tmp_path / "out", SPEC, dtype=torch.float32, tokenizer=PIECES)
    image = [picture(4)]
    loaded = open_engine(folder, config=EngineConfig(length=6))
    assert loaded.answer(image, "What?", context="") == engine.answer(image, "What?", context="")
    half = open_engine(folder, config=EngineConfig(length=6, steps=1, dtype="bfloat16"))
    assert len(half.answer(image, "What?", context="")) == 1
    assert half.generate("A dog.", size=(8, 8), seed=0).shape == (8, 8, 3)


@pytest.mark.parametrize("gate", ["fixed", "learned"])
def test_adapters_are_trained_saved_and_used(model: Any, tmp_path: Path, gate: str) -> None:
    """The road of a user: load, train only the experts, save them alone, run with them."""
    from docharmony.engine.modeling.loading import load

    state = {published_name(name): value for name, value in model.state_dict().items()}
    torch.save(state, tmp_path / "model.bin")
    folder = convert(
        [tmp_path / "model.bin"], tmp_path / "out", SPEC, dtype=torch.float32, tokenizer=PIECES
    )
    start = tmp_path / "start.safetensors"  # other sizes, and another gate, than the checkpoint's
    fresh = replace(SPEC, slide_lora=replace(SPEC.slide_lora, gate=gate, rank=2, experts=6))
    TextHarmonyModel(fresh).language.lora.save(start)

    tuned = load(folder, adapters=start)
    language = tuned.language
    assert language.lora.spec.gate == gate
    before = {name: value.clone() for name, value in tuned.state_dict().items()}
    optimiser = torch.optim.Adam(language.lora.train_only_adapters(), lr=0.05)
    ids = torch.tensor([[1, 420, *[421] * 6, 30, 31, 32, 33], [1, 420, *[421] * 6, 40, 41, 42, 43]])
    torch.manual_seed(0)
    with torch.no_grad():
        seen = tuned.vision(torch.rand(2, 3, 56, 56))
    losses = []
    for _ in range(12):
        embeddings = language.embed(ids, seen.tokens)
        with language.lora.use([Task.ANSWER, Task.PAINT]):  # tasks mixed in one batch
            hidden = language(embeddings, language.remember(ids, seen.maps, [1, 1]))
        loss = torch.nn.functional.cross_entropy(
            language.logits(hidden)[:, 7:-1].flatten(0, 1), ids[:, 8:].flatten()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    changed = {n for n, v in tuned.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {f"language.{name}" for name in language.lora.adapters()}

    language.lora.save(tmp_path / "tuned.safetensors")
    options = EngineConfig(length=6, adapters=str(tmp_path / "tuned.safetensors"))
    engine, plain = open_engine(folder, config=options), open_engine(folder)
    loaded = engine.parts.model.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in tuned.state_dict().items())
    image = [picture(4)]
    assert engine.answer(image, "What?", context="") != plain.answer(image, "What?", context="")


def test_adapters_that_are_none(model: Any, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {published_name(name): value for name, value in model.state_dict().items()}
    torch.save(state, tmp_path / "model.bin")
    folder = convert([tmp_path / "model.bin"], tmp_path / "out", SPEC, tokenizer=PIECES)
    save_file({"x": torch.zeros(2)}, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_text("none")
    for name, error in (
        ("a", CheckpointIncompatibleError), ("b", CheckpointCorruptError),
        ("c", CheckpointCorruptError),
    ):  # fmt: skip
        options = EngineConfig(adapters=str(tmp_path / f"{name}.safetensors"))
        with pytest.raises(error, match=f"{name}.safetensors"):
            open_engine(folder, config=options).answer([picture(0)], "What?", context="")


def test_one_image_is_looked_at_once(
    engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    see = engine.parts.see
    monkeypatch.setattr(engine.parts, "see", lambda pixels: looks.append(1) or see(pixels))
    page, other = picture(11), picture(12)
    first = [engine.answer([page], q, context="") for q in ("Who?", "What?", "Who?")]
    assert (len(looks), first[0]) == (1, first[2])
    engine.answer([other], "Who?", context="")
    assert engine.answer([page], "Who?", context="") == first[0]
    assert len(looks) == 3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near(model: Any, dtype: str) -> None:
    """Logits and feature maps of 16-bit weights differ by rounding alone."""
    import copy

    half = copy.deepcopy(model).to(getattr(torch, dtype))
    found = []
    pixels = picture(13, 56, 56)[None]
    ids = np.array([[1, 420, *[421] * 6, 30, 31, 32, 33]])
    gates = np.array([[0, 0.5, 0.5]], np.float32)
    for some in (model, half):
        parts = TorchParts(lambda some=some: some)
        sight = parts.see(pixels)
        logits, session = parts.start(sight, ids, None, gates, 1)
        found.append([logits, session.step(np.array([40]), None), sight.maps[0].float().numpy()])
    for exact, rounded in zip(*found, strict=True):
        assert np.linalg.norm(exact - rounded) < 0.05 * np.linalg.norm(exact)


def test_what_torch_cannot_do_is_an_engine_error(
    engine: PublishedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine.parts, "_see", fail)
    with pytest.raises(EngineError, match="OutOfMemoryError") as caught:
        engine.answer([picture(14)], "Who?", context="")
    assert "--device cpu" in caught.value.hint


def test_letters_of_random_weights_are_not_kept(engine: PublishedEngine) -> None:
    """The way of ``replace --style engine``: painted, read back, and thrown away."""
    from docharmony.geometry import BBox
    from docharmony.stages.lettering import make_letterer

    letter = make_letterer(lambda: engine)
    crop = np.full((60, 120, 3), 230, np.uint8)
    assert letter(crop, BBox(20, 15, 100, 45).polygon(), "Otto") is None
    assert (crop == 230).all()
