"""Apply edits to an image file: blank, paint, and write the same kind of file without its metadata.

Both functions run in the parsing child. Kept: kind of file, colour mode, depth, palette, alpha, ICC
profile, resolution, and for TIFF its pages and compression. Gone: EXIF, XMP, comments, text chunks,
thumbnails, frames that are no page.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ...errors import BrokenError, LimitExceededError, UnsupportedError
from ...geometry import Affine, Polygon
from ..needles import Needles
from ..wire import Buffer
from .alike import alike
from .fitted import Fitted, parted
from .pdf_images import Picture, cover, crop, flat_fill, ink_of, letters, zones
from .pdf_lines import LEAST_GAP, gap_width
from .pixel_lines import PixelPlan, plan_pixels
from .pixel_moves import covered, set_anew
from .pixel_setting import draw
from .setting import Planned, fitted, in_crop, plan
from .weathering import Weather

if TYPE_CHECKING:
    import numpy.typing as npt

Reply = tuple[Any, list[Buffer]]

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
_MAX_PIXELS = 400_000_000
# Pillow mode -> (kind of colours, depth); modes with alpha carry it in their last band.
_MODES = {
    "1": ("gray", 1),
    "L": ("gray", 8),
    "LA": ("gray", 8),
    "P": ("indexed", 8),
    "RGB": ("rgb", 8),
    "RGBA": ("rgb", 8),
    "CMYK": ("cmyk", 8),
    "I;16": ("gray", 16),
}
# Compressions of TIFF that lose nothing; any other becomes deflate.
_EXACT = {"group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw", "tiff_adobe_deflate", "raw"}
_JPEG_QUALITY, _WEBP_QUALITY = 92, 92
_LABEL = 0.62


@dataclass
class Frame:
    """One page: samples, alpha (height, width) or None, and how to save it."""

    picture: Picture
    alpha: npt.NDArray[np.uint8] | None
    mode: str
    save: dict[str, Any]


def erase(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    edits: Mapping[str, Sequence[Mapping[str, Any]]],
    fill: str,
    profile: str,
    policies: Mapping[str, str] | None = None,
    terms: Sequence[str],
    whole_words: bool,
    out: str,
    least: float = 0.7,
    keep_gaps: bool = False,
    deep: bool = False,
) -> Reply:
    """Write an image without the pixels under the edits; see :func:`.pdf.erase` for all arguments.

    Profile and policies make no difference: an image keeps no carrier at all, and there is nothing to
    clean deeper. New text is set when
    the ground is painted, by :func:`finish`.
    """
    frames, kind, carriers = _read(path)
    fits: list[Fitted] = []
    originals = [i["original"] for items in edits.values() for i in parted(items)[0]]
    needles = Needles(terms, originals, whole_words=whole_words)
    for frame in frames:
        # A colour profile has a description, a copyright and more, in text.
        if needles.hit_bytes(frame.save.get("icc_profile", b"")):
            del frame.save["icc_profile"]
            carriers.append({"where": "colour profile", "action": "removed"})
    shapes: list[list[int]] = []
    crops: list[Buffer] = []
    texts: list[dict[str, Any]] = []
    count = 0
    moves: dict[str, Any] = {}
    gaps: list[list[str]] = []
    for number, items in edits.items():
        if not 1 <= int(number) <= len(frames):
            raise BrokenError(
                "cannot redact the page", where=f"page {number}", why="the image has fewer pages"
            )
        frame = frames[int(number) - 1]
        height, width = frame.picture.samples.shape[:2]
        gone, replacing = parted(items)
        areas = [item["polygon"] for item in gone]
        written: list[tuple[Any, Planned]] = []
        for item in alike(replacing, least):
            planned = plan(item, least)
            if isinstance(planned, Planned):
                written += [(area, planned) for area in item["areas"]]
                fits.append(fitted(planned, planned.face))
            else:
                fits.append(planned)

        def fractions(area: Any) -> list[tuple[float, float]]:
            return [(x / width, y / height) for x, y in area]  # noqa: B023

        hidden = cover((height, width), [fractions(area) for area in areas])
        zone = hidden | cover((height, width), [fractions(area) for area, _ in written])
        inks = []
        for area, planned in written:
            setting = planned.setting
            own = letters(frame.picture, fractions(area), setting.inks, setting.blur)
            inks.append((own, setting.color))
            hidden |= own
        zone |= hidden
        count += int(hidden.any())
        lines = PixelPlan()
        if not keep_gaps:
            lines = _lines(frame, gone, fill, replaced=bool(replacing))
            moves[number] = [line.move.to_json() for line in lines.lines]
            gaps += [[number, gone[i].get("id", ""), why] for i, why in lines.kept.items()]
        done = covered(lines, hidden.shape)
        if frame.alpha is not None:
            alpha = Picture(frame.alpha[..., None], 8, "", "gray")
            flat_fill(alpha, hidden)
            if fill != "erase":
                alpha.samples[hidden] = 255
            frame.alpha = alpha.samples[..., 0].astype(np.uint8)
        if fill != "erase":
            flat_fill(frame.picture, hidden)
            set_anew(frame.picture, lines)
            for item in lines.boxes(gone):
                _draw_box(frame.picture, item, label=fill == "label")
            continue
        frame.picture.samples[hidden] = 0
        set_anew(frame.picture, lines)
        hidden, zone = hidden & ~done, zone & ~done
        frame.save["crops"] = []
        for (rows, columns), part in zones(zone, 1.5 if written else 0.75):
            ink = ink_of(inks, (rows, columns), part)
            rgb, mask = crop(frame.picture, hidden, (rows, columns), part, ink)
            place = [len(shapes), [rows.start, rows.stop], [columns.start, columns.stop]]
            frame.save["crops"].append(place)
            shapes.append(list(mask.shape))
            crops += [rgb.tobytes(), mask.tobytes()]
        if frame.alpha is None:
            for planned in {id(planned): planned for _, planned in written}.values():
                corners = [(float(x), float(y)) for x, y in planned.edit["polygon"]]
                texts += in_crop(planned, corners, frame.save["crops"])
    if shapes:
        _store(frames, kind, out)
    else:
        _write(frames, kind, out)
    removed = {"glyphs": 0, "paths": 0, "images": count, "annotations": 0}
    value = {
        "carriers": carriers,
        "removed": removed,
        "crops": shapes,
        "texts": texts,
        "fits": [fit.to_json() for fit in fits],
        "moves": {number: own for number, own in moves.items() if own},
        "gaps": gaps,
    }
    return value, crops


def _lines(
    frame: Frame, gone: Sequence[Mapping[str, Any]], fill: str, *, replaced: bool
) -> PixelPlan:
    """Return how the lines of a page that lose words are set anew."""
    why = "other text on its page is replaced" if replaced else ""
    if frame.alpha is not None and frame.alpha.min() < 255:
        why = "its picture is transparent"
    if why:
        return PixelPlan(kept=dict.fromkeys(range(len(gone)), why))
    polygons = [[(float(x), float(y)) for x, y in item["polygon"]] for item in gone]
    wants = [gap_width(fill, str(item["rule"])) for item in gone]
    return plan_pixels(frame.picture, polygons, wants, LEAST_GAP)


def finish(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    crops: Sequence[Sequence[int]],
    out: str,
    edits: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    least: float = 0.7,
    lettered: Sequence[str] = (),
) -> Reply:
    """Put painted crops and new text in and write the image; see :func:`.pdf.finish`."""
    frames, kind = _load(path)
    for number, frame in enumerate(frames, 1):
        replacing = parted((edits or {}).get(str(number), ()))[1]
        weather = Weather(frame.picture) if replacing else None
        for which, rows, columns in frame.save.pop("crops", ()):
            height, width = crops[which]
            painted = np.frombuffer(blobs[2 * which], np.uint8).reshape(height, width, 3)
            mask = np.frombuffer(blobs[2 * which + 1], np.uint8).reshape(height, width)
            if weather is not None:
                weather.fill((slice(*rows), slice(*columns)), painted, mask)
            else:
                frame.picture.put((slice(*rows), slice(*columns)), painted, mask == 1)
        for item in alike(replacing, least):
            if str(item["id"]) in lettered:
                continue
            for layer in draw(frame.picture, item, Affine(), least, weather):
                if frame.alpha is not None:
                    seen = (layer.cover * 255).round().astype(np.uint8)
                    part = frame.alpha[layer.window]
                    frame.alpha[layer.window] = np.maximum(part, seen)
    _write(frames, kind, out)
    return {}, []


def _read(path: str) -> tuple[list[Frame], str, list[dict[str, str]]]:
    """Decode every page; return them with the kind of file and the carriers that are left behind."""
    Image.MAX_IMAGE_PIXELS = None  # checked here, before anything is decoded
    try:
        with Image.open(path, formats=_FORMATS) as image:
            kind = str(image.format)
            # A camera's MPO is a JPEG with more pictures behind the first.
            kind = "JPEG" if kind == "MPO" else kind
            count = getattr(image, "n_frames", 1)
            carriers = _carriers(image, count if kind != "TIFF" else 1)
            frames = []
            for index in range(count if kind == "TIFF" else 1):
                image.seek(index)
                if image.width * image.height > _MAX_PIXELS:
                    raise LimitExceededError(
                        "cannot redact the image", why=f"it is {image.width} by {image.height}"
                    )
                frames.append(_frame(image, kind, path))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise BrokenError(
            "cannot redact the image",
            why="its pixels cannot be decoded",
            hint="Open it in a viewer, save it again and retry.",
        ) from error
    return frames, kind, carriers


def _frame(image: Image.Image, kind: str, path: str) -> Frame:
    save: dict[str, Any] = {}
    info = image.info
    for key in ("icc_profile", "dpi"):
        if info.get(key):
            save[key] = info[key]
    if kind == "TIFF":
        compression = str(info.get("compression", "raw"))
        save["compression"] = compression if compression in _EXACT else "tiff_adobe_deflate"
    if kind == "JPEG":
        from PIL import JpegImagePlugin

        save["subsampling"] = JpegImagePlugin.get_sampling(image)
        save["qtables"] = [list(t) for _, t in sorted(image.quantization.items())]  # type: ignore[attr-defined]
    if kind == "WEBP":
        save["lossless"] = b"VP8L" in Path(path).read_bytes()[:64]
    upright = ImageOps.exif_transpose(image)
    transparency = upright.info.get("transparency")
    mode = upright.mode
    if mode == "PA" or (mode in ("L", "RGB", "1") and transparency is not None):
        upright, transparency = upright.convert("RGBA"), None
    elif mode in ("I;16B", "I;16L", "I"):
        # Pillow opens 16-bit grey as one of these; I holds 32 bits and fits 16 for every file kind here.
        values = np.clip(np.asarray(upright).astype(np.int64), 0, 65535).astype(np.uint16)
        upright = Image.fromarray(values)
    elif mode not in _MODES:
        if mode == "F":
            raise UnsupportedError("cannot redact floating-point pixels")
        upright = upright.convert("RGB")
    mode = upright.mode
    colours, depth = _MODES[mode]
    array = np.array(upright)
    samples = array[..., None] if array.ndim == 2 else array
    alpha = None
    palette = None
    if mode in ("LA", "RGBA"):
        samples, alpha = samples[..., :-1].copy(), samples[..., -1].copy()
    if mode == "P":
        flat = upright.getpalette("RGB") or [0, 0, 0]
        palette = np.array(flat, np.uint8).reshape(-1, 3)
        if transparency is not None:
            save["transparency"] = transparency
    if mode == "1":
        samples = samples.astype(np.uint8)
    return Frame(Picture(samples, depth, "", colours, palette), alpha, mode, save)


def _carriers(image: Image.Image, frames: int) -> list[dict[str, str]]:
    """Return report entries for what the file carried besides its pixels."""
    named = {
        "exif": "EXIF",
        "xmp": "XMP metadata",
        "XML:com.adobe.xmp": "XMP metadata",
        "comment": "comment",
        "photoshop": "Photoshop data",
    }
    found = {where for key, where in named.items() if key in image.info}
    if len(image.getexif()):
        found.add("EXIF")
    texts = getattr(image, "text", None) if image.format == "PNG" else None
    if texts:
        found.add("text chunks")
    if frames > 1:
        found.add("further frames")
    return [{"where": where, "action": "removed"} for where in sorted(found)]


def _store(frames: Sequence[Frame], kind: str, out: str) -> None:
    """Keep blanked frames exactly, until they are painted."""
    arrays: dict[str, Any] = {}
    notes = []
    for index, frame in enumerate(frames):
        picture = frame.picture
        arrays[f"samples{index}"] = picture.samples
        for name, value in (("palette", picture.palette), ("alpha", frame.alpha)):
            if value is not None:
                arrays[f"{name}{index}"] = value
        save = dict(frame.save)
        for key in ("icc_profile", "transparency"):
            if isinstance(save.get(key), bytes):
                save[key] = {"hex": save[key].hex()}
        if "dpi" in save:
            save["dpi"] = [float(v) for v in save["dpi"]]
        notes.append(
            {"mode": frame.mode, "depth": picture.depth, "colours": picture.colours, "save": save}
        )
    arrays["notes"] = np.frombuffer(
        json.dumps({"kind": kind, "frames": notes}).encode("ascii"), np.uint8
    )
    with Path(out).open("wb") as file:
        np.savez(file, **arrays)


def _load(path: str) -> tuple[list[Frame], str]:
    frames = []
    with np.load(path, allow_pickle=False) as arrays:
        notes = json.loads(arrays["notes"].tobytes())
        for index, note in enumerate(notes["frames"]):
            palette = arrays.get(f"palette{index}")
            picture = Picture(
                arrays[f"samples{index}"], note["depth"], "", note["colours"], palette
            )
            save = note["save"]
            for key, value in save.items():
                if isinstance(value, dict) and "hex" in value:
                    save[key] = bytes.fromhex(value["hex"])
            frames.append(Frame(picture, arrays.get(f"alpha{index}"), note["mode"], save))
    return frames, str(notes["kind"])


def _image(frame: Frame) -> Image.Image:
    samples = frame.picture.samples
    if frame.alpha is not None:
        samples = np.concatenate([samples, frame.alpha[..., None]], axis=2)
    if frame.mode == "1":
        return Image.fromarray(samples[..., 0].astype(bool))
    array = samples[..., 0] if samples.shape[2] == 1 else samples
    if frame.mode == "I;16":
        return Image.fromarray(np.ascontiguousarray(array, np.uint16))
    array = np.ascontiguousarray(array, np.uint8)
    if frame.mode == "P":
        image = Image.fromarray(array).convert("L")
        if frame.picture.palette is not None:
            image.putpalette(frame.picture.palette.tobytes())
        return image
    if frame.mode == "CMYK":
        return Image.frombytes("CMYK", (array.shape[1], array.shape[0]), array.tobytes())
    return Image.fromarray(array)


def _write(frames: Sequence[Frame], kind: str, out: str) -> None:
    images = [_image(frame) for frame in frames]
    options = [{k: v for k, v in f.save.items() if k != "crops"} for f in frames]
    for option in options:
        if "dpi" in option:
            option["dpi"] = tuple(option["dpi"])
    first, save = images[0], options[0]
    if kind == "TIFF":
        for image, option in zip(images, options, strict=True):
            if option.get("compression", "").startswith(("group", "tiff_ccitt")) and (
                image.mode != "1"
            ):
                option["compression"] = "tiff_adobe_deflate"
        Path(out).write_bytes(_tiff(images, options))
        return
    if kind == "JPEG":
        if save.get("subsampling", -1) < 0 or first.mode != "RGB":
            save.pop("subsampling", None)
        if not save.get("qtables"):
            save.pop("qtables", None)
            save["quality"] = _JPEG_QUALITY
        save["optimize"] = True
    elif kind == "WEBP":
        save |= {"quality": 100 if save["lossless"] else _WEBP_QUALITY, "exact": True}
    elif kind == "BMP":
        save.pop("icc_profile", None)
    first.save(out, kind, **save)


def _tiff(images: Sequence[Image.Image], options: Sequence[Mapping[str, Any]]) -> bytes:
    from PIL import TiffImagePlugin

    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as writer:
        for image, option in zip(images, options, strict=True):
            image.save(writer, "TIFF", **option)
            writer.newFrame()
    return buffer.getvalue()


def _draw_box(picture: Picture, item: Mapping[str, Any], *, label: bool) -> None:
    """Draw a black box over an edit, with the name of its rule when asked to."""
    height, width = picture.samples.shape[:2]
    polygon = Polygon.of(item["polygon"])
    box = polygon.bbox
    x0, y0 = max(0, int(box.x0)), max(0, int(box.y0))
    x1, y1 = min(width, int(box.x1) + 2), min(height, int(box.y1) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    canvas = Image.new("L", (x1 - x0, y1 - y0))
    ImageDraw.Draw(canvas).polygon([(x - x0, y - y0) for x, y in polygon], fill=1, outline=1)
    mask = np.asarray(canvas, bool)
    drawn = Image.new("RGB", canvas.size)
    name = str(item["rule"]).removeprefix("pii:").encode("ascii", "replace").decode("ascii")
    if label and name:
        _letter(drawn, name, polygon, (x0, y0))
    _set_colours(picture, (slice(y0, y1), slice(x0, x1)), np.asarray(drawn), mask)


def _letter(drawn: Image.Image, name: str, polygon: Polygon, origin: tuple[int, int]) -> None:
    """Write a name in white into a box, in the polygon's reading direction."""
    import math

    points = list(polygon) if len(polygon) == 4 else list(polygon.bbox.polygon())
    width, height = math.dist(points[0], points[1]), math.dist(points[0], points[3])
    angle = math.degrees(math.atan2(points[1].y - points[0].y, points[1].x - points[0].x))
    if height > 1.5 * width and polygon.is_axis_aligned:
        width, height, angle = height, width, -90.0
    size = height * _LABEL
    natural = ImageFont.load_default(100).getlength(name) / 100
    size = min(size, 0.9 * width / natural)
    if size < 3:
        return
    font = ImageFont.load_default(size)
    text = Image.new("L", (max(1, round(width)), max(1, round(height))))
    ImageDraw.Draw(text).text((width / 2, height / 2), name, fill=255, font=font, anchor="mm")
    turned = text.rotate(-angle, expand=True, resample=Image.Resampling.BICUBIC)
    centre = polygon.bbox.center
    place = (
        round(centre.x - origin[0] - turned.width / 2),
        round(centre.y - origin[1] - turned.height / 2),
    )
    drawn.paste((255, 255, 255), (place[0], place[1]), turned)


def _set_colours(
    picture: Picture,
    window: tuple[slice, slice],
    colours: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
) -> None:
    """Set pixels to black-and-white colours in the picture's own colour space."""
    part = picture.samples[window]
    grey = colours.astype(np.float32).mean(axis=2)[mask]
    if picture.palette is not None:
        light = picture.palette.astype(int).sum(axis=1)
        part[mask] = np.where(grey > 127, light.argmax(), light.argmin())[:, None]
    elif picture.colours == "cmyk":
        ink = np.zeros((len(grey), 4), np.uint8)
        ink[:, 3] = 255 - grey
        part[mask] = ink
    else:
        top = (1 << picture.depth) - 1
        part[mask] = (grey * (top / 255.0)).round().astype(part.dtype)[:, None]
