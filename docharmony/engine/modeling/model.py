"""The whole published model: vision encoder, language model, image decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from .image_decoder import ImageDecoder
from .language import LanguageModel
from .vision import VisionEncoder

if TYPE_CHECKING:
    from ..presets import PublishedSpec


class TextHarmonyModel(nn.Module):
    """The three parts side by side. ``with torch.device("meta")`` builds it without memory."""

    def __init__(self, spec: PublishedSpec) -> None:
        super().__init__()
        self.spec = spec
        self.vision = VisionEncoder(spec)
        self.language = LanguageModel(spec)
        self.image = ImageDecoder(spec)
