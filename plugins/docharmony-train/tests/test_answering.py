"""Training of the answering experts: masks, legs that go on, and what docharmony-small takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from docharmony_train.answer_config import AnswerConfig, load_config  # noqa: E402
from docharmony_train.answer_model import load  # noqa: E402
from docharmony_train.answering import FIRST_SEED, fold, loss_of, pack, train  # noqa: E402

from docharmony import ConfigError  # noqa: E402
from docharmony.engine import questions  # noqa: E402
from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.modeling.slide_lora import SlideLora, fixed_gates  # noqa: E402
from docharmony.engine.presets import SlideLoraSpec  # noqa: E402

PAIRS: list[tuple[str, str | None]] = [("Total?", "5"), ("Who signed?", None)]


def spell(text: str) -> list[int]:
    return list(text.encode())


def test_every_question_sees_the_document_and_itself_alone() -> None:
    both = pack(spell, "Total 5", PAIRS, 1000)
    assert both is not None
    assert both.answers == 2
    model, _ = load(AnswerConfig(base="random"), "cpu")
    lora = SlideLora.inject(model, SlideLoraSpec(3, 2, 0.0, "fixed", ("q_proj",)))
    losses = []
    for pairs in (PAIRS, PAIRS[:1], PAIRS[1:]):
        one = pack(spell, "Total 5", pairs, 1000)
        assert one is not None
        with torch.no_grad():
            losses.append(float(loss_of(model, lora, one)) * int((one.targets >= 0).sum()))
    assert losses[0] == pytest.approx(losses[1] + losses[2], rel=1e-4)


def test_targets_are_the_answers_and_their_ends() -> None:
    packed = pack(spell, "Total 5", PAIRS, 1000)
    assert packed is not None
    said = bytes(code for code in packed.targets.tolist() if code >= 0).decode()
    assert said == f" 5{questions.END} {questions.ABSENT}{questions.END}"
    assert pack(spell, "x" * 900, PAIRS, 300) is None


def test_a_leg_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    config = load_config("toy")
    first = train(config, tmp_path, steps=12)
    second = train(config, tmp_path, steps=12)
    assert (first["steps"], second["steps"]) == (12, 8)  # 20 in all
    assert second["loss"] < first["loss"] + 0.1
    assert second["next_seed"] > first["next_seed"] > FIRST_SEED  # development has those below
    assert len((tmp_path / "record.jsonl").read_text().splitlines()) == 2
    assert load_config(str(tmp_path / "config.toml")) == config
    assert json.loads((tmp_path / "record.jsonl").read_text().splitlines()[0]) == first


def test_what_is_folded_adds_what_the_experts_add() -> None:
    model, _ = load(AnswerConfig(base="random"), "cpu")
    lora = SlideLora.inject(model, SlideLoraSpec(3, 2, 0.0, "fixed", ("q_proj", "down_proj")))
    for layer in lora.layers.values():
        torch.nn.init.normal_(layer.lora_B)
    folded = fold(lora, 4)  # two experts of rank 2: nothing is cut off
    for path, layer in lora.layers.items():
        name = path.removeprefix("model.")
        down = folded[f"{name}.down"].float() * folded[f"{name}.down_scale"]
        up = folded[f"{name}.up"].float() * folded[f"{name}.up_scale"][:, None]
        wanted = layer.delta(Task.ANSWER).T.detach()
        assert float((down @ up - wanted).abs().max()) < 0.03 * float(wanted.abs().max())
    assert fixed_gates([Task.ANSWER], 3).tolist() == [[0.0, 0.5, 0.5]]


def test_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("stepz = 3")
    with pytest.raises(ConfigError, match="unknown key"):
        load_config(str(tmp_path / "bad.toml"))
    with pytest.raises(ConfigError, match="cannot read"):
        load_config("no-such")
