"""The language model against fixture e, its decoding, and the tokenizer (g)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from transformers import DynamicCache  # noqa: E402

from docharmony.engine import decoding  # noqa: E402
from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.decoding import Decoding, Written  # noqa: E402
from docharmony.engine.modeling.language import (  # noqa: E402
    LanguageModel,
    gather_features,
    visibility,
)
from docharmony.engine.modeling.slide_lora import fixed_gates  # noqa: E402
from docharmony.engine.modeling.torch_parts import TorchSession  # noqa: E402
from docharmony.engine.presets import TINY  # noqa: E402

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[2] / "golden" / "textharmony"
TASKS = [Task.ANSWER, Task.PAINT]


@pytest.fixture(scope="module")
def prompt(golden: Any, tiny: Any) -> dict[str, Any]:
    """The two prompts of fixture e, seen and embedded."""
    e = golden("e")
    with torch.no_grad():
        seen = tiny.vision(e["in.images_u8"] / 255)
        ids, counts = e["in.text_ids"], e["in.num_image_per_seq"].tolist()
        return {
            "ids": ids, "counts": counts, "seen": seen, "mask": e["in.attention_mask"],
            "embeddings": tiny.language.embed(ids, seen.tokens),
            "memory": tiny.language.remember(ids, seen.maps, counts),
        }  # fmt: skip


def test_embeddings(golden: Any, prompt: Any, close: Callable[..., None]) -> None:
    close(prompt["embeddings"], golden("e")["mid.mm_embeds"], atol=1e-4)


def test_who_sees_which_image(golden: Any, prompt: Any) -> None:
    assert torch.equal(prompt["memory"].seen, golden("e")["mid.cross_attention_mask"])


def test_a_second_begin_hides_earlier_images() -> None:
    ids = torch.tensor([[1, 100, 101, 5, 1, 6, 100, 101, 7]])
    seen = visibility(ids, [2], TINY.decoder)
    assert seen[0].T.tolist() == [[0, 0, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1, 1]]


def test_features(golden: Any, prompt: Any, close: Callable[..., None]) -> None:
    e = golden("e")
    features = gather_features(prompt["seen"].maps[1:], prompt["counts"])
    assert list(features.shape) == e["mid.mmfs_features_mm_shape"].tolist()
    close(features[:, :, ::37], e["mid.mmfs_features_mm_sub"], atol=1e-4)


@torch.no_grad()
def test_hidden_states_and_logits(
    golden: Any, tiny: Any, prompt: Any, close: Callable[..., None]
) -> None:
    e, model = golden("e"), tiny.language
    states = [prompt["embeddings"]]
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out: states.append(out))
        for layer in model.layers
    ]
    with model.lora.use(TASKS):
        last = model(prompt["embeddings"], prompt["memory"], mask=prompt["mask"])
    for hook in hooks:
        hook.remove()
    states[-1] = last  # the fixture's last entry is normed
    valid = prompt["mask"].bool()
    for ours, theirs in zip(states, e["out.hidden_states"], strict=True):
        close(ours[valid], theirs[valid], atol=1e-4)
    close(last[valid], e["out.last_hidden_state"][valid], atol=1e-4)
    close(model.logits(last)[valid], e["out.logits"][valid], atol=1e-4)
    labels = e["out.gt_text_ids"]
    loss = torch.nn.functional.cross_entropy(
        model.logits(last)[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=-100
    )
    close(loss, e["out.loss_txt"], atol=1e-4)


@pytest.mark.parametrize(("task", "key"), [(Task.ANSWER, "both_text"), (Task.PAINT, "both_gen")])
@torch.no_grad()
def test_one_task_for_all_rows(
    golden: Any, tiny: Any, prompt: Any, close: Callable[..., None], task: Task, key: str
) -> None:
    with tiny.language.lora.use([task]):
        last = tiny.language(prompt["embeddings"], prompt["memory"], mask=prompt["mask"])
    valid = prompt["mask"].bool()
    close(last[valid], golden("e")[f"out.last_hidden_state.{key}"][valid], atol=1e-4)


@torch.no_grad()
def test_merged_experts_change_nothing(tiny: Any, prompt: Any, close: Callable[..., None]) -> None:
    model, lora = tiny.language, tiny.language.lora
    with lora.use([Task.PAINT]):
        expected = model(prompt["embeddings"], prompt["memory"], mask=prompt["mask"])
    lora.merge(Task.PAINT, keep=True)
    try:
        close(
            model(prompt["embeddings"], prompt["memory"], mask=prompt["mask"]), expected, atol=1e-4
        )
    finally:
        lora.unmerge()


def decode(
    model: Any, embeddings: Any, memory: Any, gates: Any, options: Decoding, mask: Any = None,
    static: bool = False,
) -> list[Written]:  # fmt: skip
    session = TorchSession(model, memory, gates, model.step if static else None)
    logits = session.begin(embeddings, mask, options.beams)
    return decoding.decode(logits, session.step, model.spec, options)


def first_prompt(tiny: Any, prompt: Any) -> tuple[Any, Any]:
    length = int(prompt["mask"][0].sum())
    ids = prompt["ids"][:1, :length]
    maps = [m[:1] for m in prompt["seen"].maps]
    return prompt["embeddings"][:1, :length], tiny.language.remember(ids, maps, [1])


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("greedy", Decoding(length=12)),
        ("greedy_rep1.3", Decoding(length=12, penalty=1.3)),
        ("beam5_rep1.3", Decoding(length=12, penalty=1.3, beams=5)),
    ],
)
@torch.no_grad()
def test_decoding(
    golden: Any, tiny: Any, prompt: Any, key: str, options: Decoding, static: bool
) -> None:
    embeddings, memory = first_prompt(tiny, prompt)
    gates = fixed_gates([Task.ANSWER])
    (written,) = decode(tiny.language, embeddings, memory, gates, options, static=static)
    assert [1, *written.ids] == golden("e")[f"gen.{key}"][0].tolist()
    assert written.stop is None


@pytest.mark.filterwarnings("ignore")  # of the compiler's own parts
def test_a_step_is_captured_once_for_all(close: Callable[..., None]) -> None:
    """One graph without breaks serves every step, order of beams and prompt; no C++ is made of it."""
    import numpy as np
    from torch._dynamo.testing import CompileCounter

    torch.manual_seed(0)
    spec = replace(TINY, decoder=replace(TINY.decoder, layers=1))
    model = LanguageModel(spec).eval().requires_grad_(False)
    captures = CompileCounter()
    compiled = torch.compile(model.step, dynamic=False, fullgraph=True, backend=captures)
    for words in ([3, 4, 5], [6, 7]):
        ids = torch.tensor([[1, 100, *[101] * 6, *words]])
        maps = [torch.randn(1, 32, side, side) for side in (64, 32, 16, 8)]
        memory, embeddings = model.remember(ids, maps, [1]), model.embed(ids, torch.randn(1, 6, 64))
        written = []
        for step in (None, model.step, compiled):
            session = TorchSession(model, memory, fixed_gates([Task.READ]), step)
            logits = [session.begin(embeddings, None, 3)]
            for origin in (np.array([0, 0, 1]), None, np.array([2, 1, 0])):
                logits.append(session.step(np.array([5, 6, 7]), origin))
            written.append(logits)
        for growing, static, captured in zip(*written, strict=True):
            close(torch.from_numpy(static), torch.from_numpy(growing), atol=1e-4)
            close(torch.from_numpy(captured), torch.from_numpy(static), atol=1e-4)
    assert captures.frame_count == 1


@torch.no_grad()
def test_cached_steps_equal_a_full_pass(tiny: Any, prompt: Any, close: Callable[..., None]) -> None:
    model = tiny.language
    embeddings, memory = first_prompt(tiny, prompt)
    more = model.embed_tokens(torch.tensor([[3, 4, 5]]))
    whole_memory = type(memory)(
        memory.values,
        memory.sides,
        torch.cat([memory.seen, memory.seen[:, -1:].expand(-1, 3, -1)], 1),
    )
    with model.lora.use([Task.ANSWER]):
        whole = model(torch.cat([embeddings, more], 1), whole_memory)
        cache = DynamicCache()
        parts = [model(embeddings, memory, cache=cache)]
        parts += [model(more[:, :2], memory, cache=cache), model(more[:, 2:], memory, cache=cache)]
    close(torch.cat(parts, 1), whole, atol=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
@torch.no_grad()
def test_a_static_cache_grows(
    tiny: Any, prompt: Any, beams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docharmony.engine.modeling import torch_parts

    monkeypatch.setattr(torch_parts, "_BLOCK", 4)
    embeddings, memory = first_prompt(tiny, prompt)
    gates, options = fixed_gates([Task.READ]), Decoding(length=20, beams=beams, penalty=1.3)
    growing = decode(tiny.language, embeddings, memory, gates, options)
    assert len(growing[0].ids) > 8
    fixed = decode(tiny.language, embeddings, memory, gates, options, static=True)
    assert fixed[0].ids == growing[0].ids
    assert fixed[0].logprob == pytest.approx(growing[0].logprob, rel=1e-4)


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("beams", [1, 3])
@torch.no_grad()
def test_prompts_of_a_batch_do_not_disturb_each_other(
    tiny: Any, prompt: Any, beams: int, static: bool
) -> None:
    """Two prompts of different length and task at once, padded on the left, with beams."""
    model, options = tiny.language, Decoding(length=6, beams=beams, penalty=1.3)
    alone = []
    for row, (task, count) in enumerate(zip(TASKS, prompt["counts"], strict=True)):
        length = int(prompt["mask"][row].sum())
        ids = prompt["ids"][row : row + 1, :length]
        start = sum(prompt["counts"][:row])
        maps = [m[start : start + count] for m in prompt["seen"].maps]
        memory = model.remember(ids, maps, [count])
        embeddings = prompt["embeddings"][row : row + 1, :length]
        alone += decode(model, embeddings, memory, fixed_gates([task]), options)
    shift = int((prompt["mask"][0] == 0).sum())
    ids, mask = prompt["ids"].clone(), prompt["mask"].clone()
    ids[0], mask[0] = ids[0].roll(shift), mask[0].roll(shift)
    embeddings = model.embed(ids, prompt["seen"].tokens)
    memory = model.remember(ids, prompt["seen"].maps, prompt["counts"])
    together = decode(model, embeddings, memory, fixed_gates(TASKS), options, mask, static)
    assert [w.ids for w in together] == [w.ids for w in alone]


@pytest.mark.parametrize("beams", [1, 4])
@torch.no_grad()
def test_sampling_follows_its_seed(tiny: Any, prompt: Any, beams: int) -> None:
    embeddings, memory = first_prompt(tiny, prompt)
    gates = fixed_gates([Task.ANSWER])

    def write(seed: int) -> list[int]:
        options = Decoding(length=8, beams=beams, sample=True, penalty=1.3, seed=seed)
        return decode(tiny.language, embeddings, memory, gates, options)[0].ids

    assert write(1) == write(1)
    assert len({tuple(write(seed)) for seed in range(4)}) > 1
    narrow = Decoding(length=8, sample=True, top_k=1)
    greedy = decode(tiny.language, embeddings, memory, gates, Decoding(length=8))
    assert decode(tiny.language, embeddings, memory, gates, narrow)[0].ids == greedy[0].ids


@torch.no_grad()
def test_decoding_stops(tiny: Any, prompt: Any) -> None:
    embeddings, memory = first_prompt(tiny, prompt)
    bias = tiny.language.head.bias
    for stop in (2, 100):
        before = bias.clone()
        bias[stop] += 1e4
        try:
            for beams in (1, 3):
                (written,) = decode(
                    tiny.language, embeddings, memory, fixed_gates([Task.READ]),
                    Decoding(length=5, beams=beams),
                )  # fmt: skip
                assert (written.ids, written.stop) == ([], stop)
        finally:
            bias.copy_(before)


def test_slots_must_match_the_image_tokens(tiny: Any, prompt: Any) -> None:
    with pytest.raises(ValueError, match="18 slots for 2 x 6"):
        tiny.language.embed(prompt["ids"], prompt["seen"].tokens[:2])


# --- tokenizer -----------------------------------------------------------------------------------

CASES = json.loads((GOLDEN / "g_tokenizer_cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pieces() -> Any:
    pytest.importorskip("sentencepiece")
    from docharmony.engine.pieces import PieceTokenizer

    spec = replace(
        TINY.decoder, image_start=CASES["soi_id"], image_slot=CASES["image_id"], pad=CASES["pad_id"]
    )
    return PieceTokenizer(GOLDEN / "g_tiny_sentencepiece.model", spec)


@pytest.mark.parametrize("name", sorted(CASES["cases"]))
def test_tokenizer(pieces: Any, name: str) -> None:
    case = CASES["cases"][name]
    assert pieces.encode(case["text"]) == case["ids"]


def test_tokenizer_back(pieces: Any) -> None:
    case = CASES["decode"]
    assert pieces.decode(case["ids"]) == case["decoded_skip_special"]
    assert pieces.decode([*case["ids"], CASES["pad_id"]]) == case["decoded_skip_special"]


def test_tokenizer_counts_the_slots_of_an_image(pieces: Any) -> None:
    assert pieces.encode(pieces.image(3)) == [1, CASES["soi_id"], *[CASES["image_id"]] * 3]


def test_no_tokenizer_model(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    from docharmony.engine.pieces import PieceTokenizer
    from docharmony.errors import CheckpointCorruptError

    (tmp_path / "t.model").write_bytes(b"no model")
    with pytest.raises(CheckpointCorruptError, match="tokenizer"):
        PieceTokenizer(tmp_path / "t.model", TINY.decoder)
