"""Slide-LoRA against fixture a, and as a tuner: mixed tasks, merging, saving, training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from docharmony.engine.base import Task  # noqa: E402
from docharmony.engine.modeling.slide_lora import SlideLora, fixed_gates  # noqa: E402
from docharmony.engine.presets import SlideLoraSpec  # noqa: E402
from docharmony.errors import (  # noqa: E402
    CheckpointCorruptError,
    CheckpointIncompatibleError,
)

pytestmark = pytest.mark.torch

SPEC = SlideLoraSpec(experts=3, rank=4, dropout=0.1, gate="fixed", targets=("proj",))


def tuner(g: Mapping[str, Any], case: str, spec: SlideLoraSpec = SPEC) -> SlideLora:
    """The layer of a case in fixture a, under the name ``proj``."""
    bias = g.get(f"{case}.bias")
    model = nn.Module()
    model.proj = nn.Linear(24, 40, bias=bias is not None)
    lora = SlideLora.inject(model, spec)
    layer = lora.layers["proj"]
    with torch.no_grad():
        layer.weight.copy_(g[f"{case}.weight"])
        if bias is not None:
            layer.bias.copy_(bias)
        layer.lora_A.copy_(g[f"{case}.lora_moe_A.default"])
        layer.lora_B.copy_(g[f"{case}.lora_moe_B.default"])
    model.eval()
    return lora


NAMES = ["gen", "text", "mixed", "onehot0", "onehot1", "onehot2", "soft", "zero"]


@pytest.mark.parametrize("name", NAMES)
def test_any_gate(golden: Any, close: Callable[..., None], name: str) -> None:
    g = golden("a")
    lora = tuner(g, "A")
    with lora.use(g[f"A.gate.{name}"]):
        close(lora.model.proj(g["A.x"]), g[f"A.out.{name}"])


def test_disabled_is_the_base_layer(golden: Any, close: Callable[..., None]) -> None:
    g = golden("a")
    lora = tuner(g, "A")
    with lora.disabled():
        close(lora.model.proj(g["A.x"]), g["A.out.disabled"])


def test_no_factor_alpha_over_rank(golden: Any, close: Callable[..., None]) -> None:
    g = golden("a")
    lora = tuner(g, "B")
    with lora.use(g["B.gate"]):
        close(lora.model.proj(g["B.x"]), g["B.out"])


@pytest.mark.parametrize("experts", [3, 6])
def test_fixed_gates(golden: Any, experts: int) -> None:
    g = golden("a")
    # The fixture's task 0 draws images, its task 1 writes text.
    paint, answer = fixed_gates([Task.PAINT], experts), fixed_gates([Task.ANSWER], experts)
    assert torch.equal(paint, g[f"C.gate.E{experts}.task0"])
    assert torch.equal(answer, g[f"C.gate.E{experts}.task1"])
    assert torch.equal(fixed_gates([Task.READ], experts), answer)
    both = fixed_gates([Task.PAINT, Task.ANSWER], experts)
    assert torch.equal(both, g[f"C.gate.E{experts}.batch01"])


@pytest.mark.parametrize("experts", [0, 1, 4])
def test_experts_that_cannot_be_shared_out(experts: int) -> None:
    with pytest.raises(ValueError, match=f"{experts} experts"):
        fixed_gates([Task.READ], experts)


def test_tasks_may_differ_within_a_batch(golden: Any, close: Callable[..., None]) -> None:
    g = golden("a")
    lora = tuner(g, "A")
    tasks = [Task.PAINT, Task.READ, Task.ANSWER]
    with lora.use(tasks):
        together = lora.model.proj(g["A.x"])
    close(together, g["A.out.mixed"])
    for i, task in enumerate(tasks):
        with lora.use([task]):
            close(lora.model.proj(g["A.x"][i : i + 1]), together[i : i + 1])


def test_a_task_must_be_set(golden: Any) -> None:
    lora = tuner(golden("a"), "A")
    with lora.use([Task.READ]):
        lora.model.proj(golden("a")["A.x"])
    with pytest.raises(RuntimeError, match="no task is set"):
        lora.model.proj(golden("a")["A.x"])


def test_uses_nest(golden: Any) -> None:
    lora = tuner(golden("a"), "A")
    with lora.use([Task.READ]):
        outer = lora.state.rows
        with pytest.raises(KeyError), lora.use([Task.PAINT]):
            raise KeyError
        assert lora.state.rows is outer


@pytest.mark.parametrize("task", [Task.PAINT, Task.ANSWER])
def test_merge(golden: Any, close: Callable[..., None], task: Task) -> None:
    g = golden("a")
    lora = tuner(g, "A")
    with lora.use([task]):
        expected = lora.model.proj(g["A.x"])
    other = Task.ANSWER if task is Task.PAINT else Task.PAINT
    lora.merge(task, keep=True)
    close(lora.model.proj(g["A.x"]), expected)
    with lora.use([task]):
        close(lora.model.proj(g["A.x"]), expected)
    with pytest.raises(RuntimeError, match="merged for"), lora.use([task, other]):
        pass
    with pytest.raises(RuntimeError, match="merged"), lora.disabled():
        pass
    with pytest.raises(RuntimeError, match="already"):
        lora.merge(task)
    lora.unmerge()
    assert torch.equal(lora.layers["proj"].weight, g["A.weight"])


def test_reading_and_answering_share_a_merge(golden: Any) -> None:
    lora = tuner(golden("a"), "A")
    lora.merge(Task.READ)
    with lora.use([Task.ANSWER]):
        lora.model.proj(golden("a")["A.x"])
    with pytest.raises(RuntimeError, match="not kept"):
        lora.unmerge()


def test_learned_gate(golden: Any, close: Callable[..., None]) -> None:
    g = golden("a")
    lora = tuner(g, "A", replace(SPEC, gate="learned"))
    layer = lora.layers["proj"]
    with torch.no_grad():
        layer.gate.weight.copy_(g["D.w_gating"].T)
    # The code base's router pools over tokens; on one pooled token ours gives the same weights.
    x = g["D.x"].mean(1, keepdim=True)
    close(layer._gates(x)[:, 0], g["D.out.reduce_token"])
    gates = layer._gates(g["A.x"])  # (3, 7, 3)
    expected = g["A.out.disabled"] + torch.einsum(
        "bte,btc,ecr,ero->bto", gates, g["A.x"], layer.lora_A, layer.lora_B
    )
    close(lora.model.proj(g["A.x"]), expected)
    with pytest.raises(RuntimeError, match="learned"):
        lora.merge(Task.READ)


def test_a_learned_gate_weighs_each_token_by_itself(
    golden: Any, close: Callable[..., None]
) -> None:
    g = golden("a")
    lora = tuner(g, "A", replace(SPEC, gate="learned"))
    with torch.no_grad():
        lora.layers["proj"].gate.weight.copy_(g["D.w_gating"].T)
    whole = lora.model.proj(g["A.x"])
    close(lora.model.proj(g["A.x"][:, 4:5]), whole[:, 4:5])


class Block(nn.Module):
    """Two targets and a bystander."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.other = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: Any) -> Any:
        return self.other(self.q_proj(x) * self.k_proj(x))


BLOCK = SlideLoraSpec(experts=6, rank=2, dropout=0.0, gate="learned", targets=("q_proj", "k_proj"))


def test_only_adapters_are_trained() -> None:
    torch.manual_seed(0)
    model = Block()
    lora = SlideLora.inject(model, BLOCK)
    assert list(lora.layers) == ["q_proj", "k_proj"]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD(lora.train_only_adapters(), lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        model(torch.randn(2, 3, 8)).square().sum().backward()
        optimiser.step()
    changed = {n for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    assert changed == {
        f"{layer}.{part}"
        for layer in ("q_proj", "k_proj")
        for part in ("lora_A", "lora_B", "gate.weight")
    }


def test_adapters_are_saved_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained, fresh = SlideLora.inject(Block(), BLOCK), SlideLora.inject(Block(), BLOCK)
    for parameter in trained.train_only_adapters():
        nn.init.normal_(parameter)
    trained.save(tmp_path / "a.safetensors")
    fresh.model.load_state_dict(
        {
            k: v
            for k, v in trained.model.state_dict().items()
            if "lora" not in k and "gate" not in k
        },
        strict=False,
    )
    fresh.load(tmp_path / "a.safetensors")
    x = torch.randn(2, 3, 8)
    assert torch.equal(fresh.model(x), trained.model(x))
    assert (tmp_path / "a.safetensors").stat().st_size < 4 * 2 * (2 * 6 * 8 * 2 + 6 * 8) + 1000


def test_adapters_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    SlideLora.inject(Block(), replace(BLOCK, gate="fixed", rank=3)).save(path)
    lora = SlideLora.inject(Block(), BLOCK)
    before = {k: v.clone() for k, v in lora.adapters().items()}
    with pytest.raises(CheckpointIncompatibleError) as caught:
        lora.load(path)
    assert "missing q_proj.gate.weight" in str(caught.value)
    assert "q_proj.lora_A is (6, 8, 3) instead of (6, 8, 2)" in str(caught.value)
    assert all(torch.equal(v, before[k]) for k, v in lora.adapters().items())
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointCorruptError):
        lora.load(path)


def test_inject_needs_a_target_and_a_known_gate() -> None:
    with pytest.raises(ValueError, match="no linear layer"):
        SlideLora.inject(Block(), SPEC)
    with pytest.raises(ValueError, match="top2"):
        SlideLora.inject(Block(), replace(BLOCK, gate="top2_gate"))


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    tasks=st.lists(st.sampled_from(list(Task)), min_size=1, max_size=5),
    groups=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_rows_do_not_see_each_other(tasks: list[Task], groups: int, seed: int) -> None:
    torch.manual_seed(seed)
    model = Block()
    lora = SlideLora.inject(model, replace(BLOCK, experts=3 * groups, gate="fixed"))
    for layer in lora.layers.values():
        nn.init.normal_(layer.lora_B)
    assert torch.allclose(fixed_gates(tasks, 3 * groups).sum(1), torch.ones(len(tasks)))
    x = torch.randn(len(tasks), 2, 8)
    with lora.use(tasks):
        together = model(x)
    for i, task in enumerate(tasks):
        with lora.use([task]):
            torch.testing.assert_close(model(x[i : i + 1]), together[i : i + 1])
