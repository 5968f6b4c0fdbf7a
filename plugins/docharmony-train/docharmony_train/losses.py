"""The losses of the tasks. Each returns parts that ``train`` weighs and logs by name."""

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

    loss, mse = _painting(model, clean, dirty, mask, generator)
    return {"erase": loss, "erase_mse": mse}


def writing(
    model: Nano, after: Tensor, before: Tensor, mask: Tensor, ids: Tensor, lengths: Tensor,
    generator: torch.Generator,
) -> dict[str, Tensor]:  # fmt: skip
    """Return ``write``, and ``write_mse`` under the mask to watch.

    The style is seen in the old text half of the time, else in what stands around alone: an old text
    that is a secret must not be looked at.

    Args:
        model: the model.
        after, before: (B, 3, S, S) in -1..1.
        mask: (B, 1, S, S), 1 where the text changes.
        ids: bytes (B, L) of the new text, padded with anything.
        lengths: (B,).
        generator: on their device.
    """
    real = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
    blank = torch.rand(len(ids), generator=generator, device=ids.device) < 0.5
    dirty = torch.where(blank[:, None, None, None] & (mask > 0), 0.0, before)
    words = model.words(ids, real)
    loss, mse = _painting(model, after, dirty, mask, generator, words)
    return {"write": loss, "write_mse": mse}


def talking(
    model: Nano, pixels: Tensor, ids: Tensor, starts: Tensor, lengths: Tensor
) -> dict[str, Tensor]:
    """Return ``talk``, in nats a byte of the answers.

    The sequence is ``[visual tokens] <ask> question <begin> answer <end>``; a picture's visual tokens
    are those of its strips of one line's height, from the top.

    Args:
        model: the model.
        pixels: (B, 3, S, S) in -1..1, S divisible by 16.
        ids: bytes (B, L) of question and answer.
        starts: (B,), where the answer starts.
        lengths: (B,), of both together.
    """
    spec, device = model.spec, ids.device
    strip = spec.read.rows * spec.vision.patch
    pixels = F.pad(pixels, (0, 0, 0, -pixels.shape[2] % strip), value=1.0)
    tokens = model.encode(pixels)
    columns = pixels.shape[3] // spec.vision.patch
    stacked = tokens.reshape(len(tokens), -1, spec.read.rows, columns, tokens.shape[-1])
    visual = model.heads.proj(stacked.transpose(2, 3).flatten(3).flatten(1, 2))

    # <ask> before the question, <begin> before the answer, <end> after it.
    places = torch.arange(ids.shape[1] + 3, device=device)[None].expand(len(ids), -1)
    begin, end = starts[:, None] + 1, lengths[:, None] + 2
    shift = torch.where(places > begin, 2, 1)
    sequence = ids.gather(1, (places - shift).clamp(0, ids.shape[1] - 1))
    for where, code in (
        (places == 0, tokenizer.ASK), (places == begin, tokenizer.BEGIN),
        (places == end, tokenizer.END), (places > end, tokenizer.PAD),
    ):  # fmt: skip
        sequence = torch.where(where, code, sequence)
    embedded = model.llm.get_input_embeddings()(sequence[:, :-1])
    hidden = model.llm.model(
        inputs_embeds=torch.cat([visual, embedded.to(visual.dtype)], 1), use_cache=False
    ).last_hidden_state[:, visual.shape[1] :]
    logits = model.llm.lm_head(hidden).float()
    asked = (places > begin) & (places <= end)
    wanted = torch.where(asked, sequence, -100)[:, 1:]
    return {"talk": F.cross_entropy(logits.flatten(0, 1), wanted.flatten())}


def _painting(
    model: Nano, clean: Tensor, dirty: Tensor, mask: Tensor, generator: torch.Generator,
    words: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the loss of painting at random times of the flow, and the squared error under the mask."""
    count, device = len(clean), clean.device

    def draw() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    def wide(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    time = torch.where(draw() < 0.55, 1.0, draw().clamp(min=0.05))
    noise = torch.randn(clean.shape, generator=generator, device=device)
    noisy = (1 - wide(time)) * clean + wide(time) * noise
    noisy = torch.where(wide((time == 1) & (draw() < 0.6)), 0.0, noisy)

    error = model.paint(noisy, dirty, mask, time, words).float() - clean
    weight = (mask + 0.03).expand_as(error)  # outside the mask a little, so that edges meet
    loss = ((2 * error**2 + 0.5 * error.abs()) * weight).sum() / weight.sum()
    hidden = mask.expand_as(error)
    mse = (error**2 * hidden).sum() / hidden.sum().clamp(min=1)
    return loss, mse.detach()
