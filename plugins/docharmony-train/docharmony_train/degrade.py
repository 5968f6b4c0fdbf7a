"""What print, scanners, cameras and faxes do to text, batched, on the training device.

Images are (B, C, H, W) in 0..1. Every sample draws its own strengths; what cannot be drawn a sample
is drawn for a run of neighbours, which come in random order anyway.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from .data.lines import EM, TOP

LINE_HEIGHT = 48
WIDEST = 1792  # pixels of a line, as the model's own limit
_LIGHT_SHARE = 0.86  # dark text on light ground


class Random:
    """Two generators from one seed: of tensors on the device, and of single numbers on the host.

    A number that the program branches on would make it wait for the device.
    """

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self.tensors = torch.Generator(device).manual_seed(seed)
        self._host = random.Random(seed)

    def one(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return one value."""
        return self._host.uniform(low, high)


class Dice:
    """Random numbers for one batch, one a sample, on its device."""

    def __init__(self, count: int, random: Random) -> None:
        """Draw for so many samples."""
        self.count, self.random = count, random
        self.generator, self.device = random.tensors, random.tensors.device

    def between(self, low: float, high: float) -> Tensor:
        """Return (B,) uniform values."""
        unit = torch.rand(self.count, generator=self.generator, device=self.device)
        return unit * (high - low) + low

    def often(self, share: float) -> Tensor:
        """Return (B,) booleans, true with this probability."""
        return self.between(0, 1) < share

    def some(self, share: float, low: float, high: float, default: float = 0.0) -> Tensor:
        """Return (B,) values that are ``default`` but for a share of the samples."""
        return torch.where(self.often(share), self.between(low, high), default)

    def normal(self, *shape: int) -> Tensor:
        """Return normal values (B, *shape)."""
        return torch.randn(self.count, *shape, generator=self.generator, device=self.device)


def lines(ink: Tensor, widths: Tensor, random: Random, strength: float = 1.0) -> Tensor:
    """Return lines (B, 3, 48, W') in -1..1 as real crops look, from ink.

    Args:
        ink: uint8 (B, 72, W), an em of 40 pixels.
        widths: (B,) of each canvas.
        random: on the device of the ink.
        strength: 0..1, how hard.
    """
    dice = Dice(len(ink), random)
    canvas = ink.float()[:, None] / 255
    columns = torch.arange(ink.shape[2], device=ink.device)
    canvas = canvas * (columns < widths[:, None])[:, None, None]
    canvas = _fade(_press(canvas, dice), widths.float(), dice, strength)
    canvas = _rule(canvas, widths.float(), dice, strength)
    text, past = _crop(canvas, ink, widths.float(), dice, strength)
    text = _print(text, dice, strength)
    image = _colour(text, past, dice, strength)
    return photometric([image.clamp(0, 1)], random, strength)[0] * 2 - 1


def photometric(images: Sequence[Tensor], random: Random, strength: float = 1.0) -> list[Tensor]:
    """Return images blurred, rescaled, noised, compressed, greyed: all of them in the same way.

    Args:
        images: each (B, 3, H, W) in 0..1 with sides divisible by 8, e.g. clean and dirty.
        random: on their device.
        strength: 0..1, how often.
    """
    count, _, height, width = images[0].shape
    dice = Dice(count, random)
    sigma = torch.where(dice.often(0.45 * strength), dice.between(0.3, 1.5), 0.1)
    narrow = sigma * dice.some(0.15, 0.2, 0.6, default=1.0)  # motion, and printers' two resolutions
    across = dice.often(0.5)
    across_sigma, down_sigma = (
        torch.where(across, sigma, narrow),
        torch.where(across, narrow, sigma),
    )
    found = [blur(image, across_sigma, down_sigma) for image in images]

    run = max(1, int(count * 0.3 * strength))
    first = int(dice.random.one(0, count - run + 1))
    if dice.random.one() < 0.9:
        factor, smooth, cubic = (
            1 / dice.random.one(1.2, 2.5),
            dice.random.one() < 0.7,
            dice.random.one() < 0.5,
        )
        for image in found:
            small = F.interpolate(
                image[first : first + run], scale_factor=factor, mode="bilinear", antialias=smooth
            )
            back = "bicubic" if cubic else "bilinear"
            image[first : first + run] = F.interpolate(small, size=(height, width), mode=back)

    gamma = _wide(dice.some(0.5 * strength, 0.6, 1.6, default=1.0))
    contrast = _wide(dice.some(0.5 * strength, 0.55, 1.15, default=1.0))
    shift = _wide(dice.between(-0.12, 0.12)) * (contrast < 1)
    noise = dice.normal(1, height, width) * _wide(dice.some(0.45 * strength, 0.0, 0.09))
    found = [
        (((image.clamp(1e-3, 1) ** gamma - 0.5) * contrast + 0.5 + shift) + noise).clamp(0, 1)
        for image in found
    ]

    run = int(count * 0.35 * strength)
    if run:
        first = int(dice.random.one(0, count - run + 1))
        quality = torch.exp(Dice(run, random).between(math.log(0.4), math.log(5)))
        for image in found:
            image[first : first + run] = jpeg(image[first : first + run], quality)
    grey = _wide(dice.often(0.3))
    fax = _wide(dice.often(0.03 * strength))  # one bit a pixel
    result = []
    for image in found:
        light = image.mean(1, keepdim=True).expand_as(image)
        image = torch.where(grey, light, image)
        result.append(torch.where(fax, (light > 0.55).float(), image).clamp(0, 1))
    return result


def blur(image: Tensor, across: Tensor, down: Tensor, radius: int = 4) -> Tensor:
    """Return images blurred by a Gaussian with its own widths (B,) in pixels for each sample."""
    count, channels, height, width = image.shape
    offsets = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)

    def kernel(sigma: Tensor) -> Tensor:
        weights = torch.exp(-0.5 * (offsets / sigma.clamp(min=0.05)[:, None]) ** 2)
        return (weights / weights.sum(1, keepdim=True)).repeat_interleave(channels, 0)

    flat = image.reshape(1, count * channels, height, width)
    flat = F.pad(flat, (radius, radius, 0, 0), mode="replicate")
    flat = F.conv2d(flat, kernel(across)[:, None, None, :], groups=count * channels)
    flat = F.pad(flat, (0, 0, radius, radius), mode="replicate")
    flat = F.conv2d(flat, kernel(down)[:, None, :, None], groups=count * channels)
    return flat.reshape(image.shape)


def jpeg(image: Tensor, quality: Tensor) -> Tensor:
    """Return images as JPEG's cosine transform in blocks of 8 leaves them; all channels alike.

    ``quality`` (B,): 0.3 is fine, 6 coarse. Sides are divisible by 8.
    """
    count, channels, height, width = image.shape
    n = torch.arange(8.0, device=image.device)
    cosine = torch.cos((2 * n[None] + 1) * n[:, None] * math.pi / 16) / 2
    cosine[0] *= 2**-0.5
    # Steps that grow with the frequency, about as the standard's table for brightness.
    step = (
        (10 + 4 * (n[None] + n[:, None]) ** 1.25) / 255 * quality[:, None, None, None, None, None]
    )
    blocks = image.reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    coded = torch.round(cosine @ (blocks - 0.5) @ cosine.T / step) * step
    return (cosine.T @ coded @ cosine + 0.5).transpose(3, 4).reshape(image.shape)


def _wide(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _press(canvas: Tensor, dice: Dice) -> Tensor:
    """Let ink spread in some samples and thin in others."""
    kind = _wide(dice.between(0, 1))
    fat = F.max_pool2d(canvas, 3, 1, 1)
    thin = -F.max_pool2d(-canvas, (1, 3), 1, (0, 1))
    canvas = torch.where(kind < 0.06, 0.85 * fat + 0.15 * canvas, canvas)
    return torch.where(kind > 0.95, 0.6 * thin + 0.4 * canvas, canvas)


def _fade(canvas: Tensor, widths: Tensor, dice: Dice, strength: float) -> Tensor:
    """Let words of some lines be fainter than the rest, as links among black ones are on scans."""
    ink = dice.some(0.12 * strength, 0.3, 0.75, default=1.0)
    start, length = widths * dice.between(0, 0.9), widths * dice.between(0.1, 0.7)
    columns = torch.arange(canvas.shape[3], device=canvas.device)
    inside = (columns >= start[:, None]) & (columns < (start + length)[:, None])
    return canvas * torch.where(inside, ink[:, None], 1.0)[:, None, None]


def _rule(canvas: Tensor, widths: Tensor, dice: Dice, strength: float) -> Tensor:
    """Draw underlines, rules and the sides of frames through some samples."""
    height, width = canvas.shape[2:]
    ys = torch.arange(height, device=canvas.device)[None, :, None]
    xs = torch.arange(width, device=canvas.device)[None, None]
    thick = dice.between(0.6, 2.2)[:, None, None]
    near = torch.where(dice.often(0.5), dice.between(46, 60), dice.between(2, 68))[:, None, None]
    slope = dice.between(-0.01, 0.01)[:, None, None]
    level = torch.exp(-(((ys - near - slope * xs) / thick) ** 4))
    level = level * dice.some(0.13 * strength, 0.4, 1)[:, None, None]
    inset = dice.between(0, 14)
    side = torch.where(dice.often(0.5), inset, widths - inset)[:, None, None]
    upright = (
        torch.exp(-(((xs - side) / thick) ** 4)) * dice.some(0.1 * strength, 0.4, 1)[:, None, None]
    )
    return torch.maximum(canvas, torch.maximum(level, upright)[:, None])


def _crop(
    canvas: Tensor, ink: Tensor, widths: Tensor, dice: Dice, strength: float
) -> tuple[Tensor, Tensor]:
    """Cut lines 48 pixels high as a locator would: loosely, skewed, bent, in perspective.

    Returns:
        The text (B, 1, 48, W') and where the canvas has ended (same shape, boolean).
    """
    device, count = canvas.device, len(canvas)
    top, bottom = _extent(ink)
    if dice.random.one() < 0.4:  # tight around the ink, as other locators do
        size = bottom - top
        upper = top - dice.between(0, 0.22) * size - 0.5
        lower = bottom + dice.between(0, 0.22) * size + 0.5
    else:  # our own box with a margin
        margin = dice.random.one(-0.02, 0.22)
        upper = TOP - (margin + dice.between(-0.05, 0.08)) * EM
        lower = TOP + EM + (margin + dice.between(-0.05, 0.08)) * EM
    scale = (LINE_HEIGHT / (lower - upper)).clamp(0.55, 1.5)
    stretch = (scale * dice.between(0.82, 1.22)).clamp(max=1.55)
    start, end = dice.between(0, 17), widths - dice.between(0, 17)
    wide = (end - start) * stretch
    # Blank columns after the text: without them the reader would not learn where lines end.
    spare = 16 * int(dice.random.one(0, 4))
    out = min(WIDEST, math.ceil(float(wide.max()) / 16) * 16 + spare)
    full = out / (end - start)
    stretch = torch.minimum(stretch, full)
    stretch = torch.where(dice.often(0.12) & (full < stretch * 1.25), full, stretch)

    u = torch.arange(out, device=device)[None] + 0.5
    v = torch.arange(LINE_HEIGHT, device=device) + 0.5 - LINE_HEIGHT / 2
    x = start[:, None] + u / stretch[:, None]  # (B, W')
    steepest = torch.clamp(0.22 * EM / (widths * 0.5), max=0.05)
    skew = dice.between(-1, 1) * steepest * dice.often(0.6 * strength + 0.1)
    bend = dice.some(0.2 * strength, 0, 0.07 * EM)
    wave = torch.sin(x * 6.283 / dice.between(200, 900)[:, None] + dice.between(0, 6.3)[:, None])
    slant = dice.some(0.25 * strength, -0.12, 0.12)[:, None]
    shear = dice.some(0.3 * strength, -0.12, 0.12)[:, None, None]
    middle = x - (widths / 2)[:, None]
    down = v[None, :, None] / scale[:, None, None]
    y = down * (1 + slant * middle / widths[:, None])[:, None]
    y = y + ((upper + lower) / 2)[:, None, None]
    y = y + (skew[:, None] * middle + bend[:, None] * wave)[:, None]
    x = x[:, None] + shear * down
    height, width = canvas.shape[2:]
    grid = torch.stack([x / width * 2 - 1, y / height * 2 - 1], -1)
    text = F.grid_sample(canvas, grid, align_corners=False)
    past = (x > end[:, None, None])[:, None]
    assert text.shape == (count, 1, LINE_HEIGHT, out)
    return torch.where(past, 0, text), past


def _extent(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Return first and last row (B,) with ink near the line, or its box where there is hardly any."""
    first, last = 14, 60  # rows of neighbouring lines lie outside
    rows = torch.arange(first, last, device=ink.device)
    inked = ink[:, first:last].amax(-1) > 110
    top = torch.where(inked, rows, 99).amin(1).float()
    bottom = torch.where(inked, rows, 0).amax(1).float() + 1
    few = bottom - top < 6
    return torch.where(few, TOP, top), torch.where(few, TOP + EM, bottom)


def _print(text: Tensor, dice: Dice, strength: float) -> Tensor:
    """Fade, speckle, and break some lines into the dots of matrix and thermal printers."""
    device = text.device
    height, width = text.shape[2:]
    patches = _patches(dice, 3, max(2, width // 60), height, width)
    text = text * (1 - _wide(dice.some(0.2 * strength, 0.2, 0.6)) * torch.sigmoid(3 * patches))
    speckles = torch.rand(text.shape, generator=dice.generator, device=device)
    text = text * (speckles > _wide(dice.some(0.1 * strength, 0.02, 0.2)))

    period = dice.between(2.4, 4.8)[:, None]
    ys = (
        torch.arange(height, device=device) / (0.98 * period) * 6.283
        + dice.between(0, 6.3)[:, None]
    )
    xs = torch.arange(width, device=device) / period * 6.283 + dice.between(0, 6.3)[:, None]
    bumps = (torch.cos(xs)[:, None, :] + torch.cos(ys)[:, :, None]) / 4 + 0.5
    dots = ((bumps - dice.between(0.2, 0.45)[:, None, None]) * 5).clamp(0, 1)[:, None]
    printed = F.max_pool2d(text, 3, 1, 1) * dots * _wide(dice.between(0.55, 1))
    text = torch.where(_wide(dice.often(0.16 * strength)), printed, text)

    weak = torch.rand(len(text), 1, height, 1, generator=dice.generator, device=device) < 0.12
    return text * (1 - weak * _wide(dice.some(0.15 * strength, 0.2, 0.9)))


def _colour(text: Tensor, past: Tensor, dice: Dice, strength: float) -> Tensor:
    """Put ink of some colour on paper of some colour, with texture, shade and what shines through."""
    height, width = text.shape[2:]
    light = dice.often(_LIGHT_SHARE)
    level = torch.where(light, dice.between(0.72, 1), dice.between(0, 0.35))
    contrast = torch.where(dice.often(0.6), dice.between(0.6, 1), dice.between(0.25, 0.6))
    other = torch.where(light, level - contrast, level + contrast).clamp(0, 1)

    def tinted(value: Tensor, share: float, spread: float) -> Tensor:
        tint = dice.normal(3) * spread * dice.often(share)[:, None]
        return (value[:, None] + tint).clamp(0, 1)[..., None, None]

    ground, ink = tinted(level, 0.5, 0.08), tinted(other, 0.35, 0.15)
    texture = _patches(dice, 2, max(2, width // 100), height, width)
    texture = texture * _wide(dice.some(0.4 * strength, 0, 0.07))
    fibre = _patches(dice, 12, max(2, width // 4), height, width)
    texture = texture + fibre * _wide(dice.some(0.3 * strength, 0, 0.05))
    ramp = torch.linspace(-1, 1, width, device=text.device)
    texture = texture + ramp * _wide(dice.some(0.3 * strength, -0.1, 0.1))
    # Padding after the crop is flat in most samples, as when lines are batched.
    flat = past & _wide(dice.often(0.6))
    ground = ground + torch.where(flat, 0, texture)
    through = text.flip(-1).roll(1, 0) * _wide(dice.some(0.09 * strength, 0.05, 0.22))
    ground = ground + (ink - ground) * through
    return ground * (1 - text) + ink * text


def _patches(dice: Dice, rows: int, columns: int, height: int, width: int) -> Tensor:
    """Return smooth noise (B, 1, H, W)."""
    coarse = dice.normal(1, rows, columns)
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
