"""The losses of the three tasks. Each returns parts that ``train`` weighs and logs by name."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from docharmony.engine import tokenizer
from docharmony.engine.modeling.nano import Nano

_HARD = 0.04  # share of the map's empty points that count again: those most like text


def reading(model: Nano, pixels: Tensor, ids: Tensor, lengths: Tensor) -> dict[str, Tensor]:
    """Return ``lm`` and ``ctc``, in nats a byte.

    Args:
        model: the model.
        pixels: (B, 3, 48, W) in -1..1.
        ids: bytes (B, L), padded with anything.
        lengths: (B,), each at least 1.
    """
    columns = model.columns(pixels)
    places = torch.arange(ids.shape[1], device=ids.device)
    real = places < lengths[:, None]

    logprobs = model.ctc(columns).float().log_softmax(-1).transpose(0, 1)  # (T, B, 257)
    steps = torch.full((len(ids),), len(logprobs), device=ids.device)
    ctc = F.ctc_loss(
        logprobs, ids * real, steps, lengths, blank=tokenizer.BLANK, reduction="none",
        zero_infinity=True,
    )  # fmt: skip
    # A crop that was squeezed too much for its text has no path: do not let it rule the step.
    ctc = (ctc / lengths).clamp(max=20).mean()

    logits = model.decode(columns, torch.where(real, ids, tokenizer.PAD)).float()
    wanted = torch.full((len(ids), ids.shape[1] + 1), -100, device=ids.device)
    wanted[:, :-1] = torch.where(real, ids, -100)
    wanted.scatter_(1, lengths[:, None], tokenizer.END)
    lm = F.cross_entropy(logits.flatten(0, 1), wanted.flatten())
    return {"lm": lm, "ctc": ctc}


def locating(
    model: Nano, pixels: Tensor, target: Tensor, before: Nano | None = None
) -> dict[str, Tensor]:
    """Return ``kernel``, ``dice`` and ``em``; with other weights ``kept``, how far their map is.

    Args:
        model: the model.
        pixels: (B, 3, S, S) in -1..1.
        target: uint8 (B, 3, S/4, S/4) of :mod:`docharmony_train.data.tiles`.
        before: weights whose map is to be kept.
    """
    out = model.locate(pixels).float()
    kernel, code = target[:, 0].float() / 255, target[:, 2].float() / 255
    counts = (target[:, 1] > 127).float()
    entropy = F.binary_cross_entropy_with_logits(out[:, 0], kernel, reduction="none") * counts
    text = kernel > 0.5
    empty = entropy[~text]
    hard = empty.topk(max(1, int(3 * _HARD * empty.numel())))[0].mean()
    points = text.sum().clamp(min=1)
    found = out[:, 0].sigmoid()
    overlap = 2 * (found * kernel * counts).sum() + 1
    dice = 1 - overlap / ((found**2 * counts).sum() + (kernel**2 * counts).sum() + 1)
    error = ((out[:, 1] - code).abs() * text * counts).sum() / points
    parts = {"kernel": entropy[text].sum() / points + hard + 2 * entropy.mean(), "dice": dice,
             "em": error}  # fmt: skip
    if before is not None:
        with torch.no_grad():
            wanted = before.locate(pixels).float()
        parts["kept"] = _keeping(out, wanted)
    return parts


def _keeping(out: Tensor, wanted: Tensor) -> Tensor:
    """Return how far a line map (B, 2, H, W) is from another one, logits and ems."""
    share = wanted[:, 0].sigmoid()
    entropy = F.binary_cross_entropy_with_logits(out[:, 0], share)
    least = F.binary_cross_entropy_with_logits(wanted[:, 0], share)
    text = (share > 0.5).float()
    error = ((out[:, 1] - wanted[:, 1]).abs() * text).sum() / text.sum().clamp(min=1)
    return 10 * (entropy - least) + error


def erasing(
    model: Nano, clean: Tensor, dirty: Tensor, mask: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return ``erase`` and ``erase_mse``, the squared error under the mask (of a range of 2).

    Flow matching that predicts the clean image: x_t = (1 - t) clean + t noise. More than half of
    the samples are at t = 1, of those most from x_t = 0: the single step that is used. In blank
    mode, again more than half, the pixels under the mask are gone before the network sees them.

    Args:
        model: the model.
        clean, dirty: (B, 3, S, S) in -1..1.
        mask: (B, 1, S, S), 1 where to erase.
        generator: on their device.
    """
    count, device = len(clean), clean.device

    def draw() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    def wide(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    blank = wide(draw() < 0.55)
    boxes = F.max_pool2d(mask, (9, 17), 1, (4, 8))  # as wide as a reader's word boxes
    mask = torch.where(blank & wide(draw() < 0.5), boxes, mask)
    dirty = torch.where(blank & (mask > 0), 0.0, dirty)

    time = torch.where(draw() < 0.55, 1.0, draw().clamp(min=0.05))
    noise = torch.randn(clean.shape, generator=generator, device=device)
    noisy = (1 - wide(time)) * clean + wide(time) * noise
    noisy = torch.where(wide((time == 1) & (draw() < 0.6)), 0.0, noisy)

    error = model.paint(noisy, dirty, mask, time).float() - clean
    weight = (mask + 0.03).expand_as(error)  # outside the mask a little, so that edges meet
    loss = ((2 * error**2 + 0.5 * error.abs()) * weight).sum() / weight.sum()
    hidden = mask.expand_as(error)
    mse = (error**2 * hidden).sum() / hidden.sum().clamp(min=1)
    return {"erase": loss, "erase_mse": mse.detach()}
