"""Every place where a secret can hide, and the test that hides one there: none of them may go missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fuzz.places import PLACES
from .io.write.drawn import CASES
from .io.write.test_image_edits import FILES
from .io.write.test_pdf_image_edits import KINDS
from .test_scans import SCANS

ROOT = Path(__file__).parent
NAMES = {
    "place": set(PLACES),  # tests/test_adversarial.py, make fuzz
    "case": set(CASES),  # tests/io/write/test_pdf_edits.py
    "kind": set(KINDS),  # tests/io/write/test_pdf_image_edits.py
    "file": set(FILES),  # tests/io/write/test_image_edits.py
    "scan": set(SCANS),  # tests/test_scans.py
}

PAGE = {
    "any order": "place glyphs_in_any_order, case glyph_by_glyph_in_any_order",
    "per glyph": "place spaced_by_tc, case glyph_by_glyph_in_any_order",
    "kerned": "place kerned, case kerned",
    "hexadecimal": "place hexadecimal, case hexadecimal",
    "turned by any angle": "place turned, case turned_by_33_degrees",
    "turned pages": "case page_turned_by_90, case page_turned_by_180",
    "cropped pages": "case page_cropped",
    "user unit": "case page_turned_by_270_in_large_units",
    "outside the crop box": "place off_the_page, place composite_text_off_the_page",
    "invisible": "place invisible, case invisible",
    "clip path": "place clip_path, case clip_path_of_text, place beyond_a_clip",
    "white on white": "place white_on_white, case white_on_white",
    "under a rectangle": "place under_a_rectangle, case below_a_rectangle",
    "one point": "place one_point_high, case one_point_high, place text_of_no_size",
    "ligatures": "test test_hiding.py test_ligatures",
    "full width": "place full_width_forms",
    "look-alikes": "place look_alike_letters",
    "soft hyphens": "place soft_hyphens",
    "over lines": "place hyphenated_over_lines",
    "over columns": "test test_hiding.py test_over_columns",
    "over pages": "place over_two_pages",
    "no ToUnicode": "place composite_text_without_a_map, case embedded_truetype",
    "lying ToUnicode": "test test_letters.py test_lines_of_a_lying_font_are_read_from_pixels",
    "a single lying letter": "test test_letters.py test_a_single_lying_letter_is_noticed",
    "Type 3": "place type3_glyph, case type3_font",
    "vertical": "case vertical",
    "forms": "place nested_forms, place form_shared_by_pages, case nested_forms_shared_by_pages",
    "tiling patterns": "place tiling_pattern, case tiling_pattern",
    "soft masks": "place soft_mask, case soft_mask",
    "appearances": "place free_text_annotation, place appearance_when_pressed, case form_field",
    "layers that are off": "place layer_that_is_off, case layer_that_is_off",
    "transparency groups": "place transparency_group",
}

PIXELS = {
    "1-bit": "kind one_bit, place one_bit_image",
    "grey": "kind grey, place grey_image",
    "colour": "kind colour, kind cmyk, kind indexed_with_four_bits, kind separation",
    "JPEG": "kind jpeg, kind jpeg_in_cmyk, place jpeg_image",
    "JPEG 2000": "kind jpeg2000, place jpeg2000_image",
    "JBIG2": "kind jbig2",
    "CCITT": "kind fax, file tiff_fax",
    "shared": "place image_shared_by_pages",
    "inline": "place inline_image",
    "alpha": "place alpha_channel, kind writing_in_the_alpha_channel, file alpha",
    "outlines": "place outlines_of_letters, case outlines_of_glyphs",
    "thumbnails": "place thumbnail, place thumbnail_in_exif",
    "low contrast": "scan low_contrast",
    "light on dark": "scan light_on_dark",
    "skewed": "scan skewed",
    "turned": "scan on_its_side, scan upside_down",
    "stencils": "place stencil_mask, kind stencil",
    "of image files": "file grey, file palette, file sixteen_bit, file webp, file bmp, file tiff_cmyk",
    "texts in image files": "test io/write/test_image_edits.py test_nothing_is_carried_along",
    "thumbnails in image files": "test io/write/test_image_edits.py test_a_thumbnail_in_exif_goes",
    "profiles, chunks, pages": "test fuzz/pictures.py",
}

DOCUMENT = {
    "Info": "place document_information, place key_of_document_information",
    "XMP": "place xmp_of_the_document, place xmp_of_a_page, place xmp_of_an_image",
    "EXIF in JPEGs": "place exif_of_a_jpeg, place comment_of_a_jpeg",
    "bookmarks": "place bookmark, place part_of_a_name_in_bookmark_in_utf16",
    "named destinations": "place named_destination, place old_named_destination",
    "page labels": "place page_label",
    "annotations": "place highlight_contents, place rich_text_in_pieces, place reply_and_popup",
    "hidden annotations": "place hidden_annotation, place redact_annotation, place sound_annotation",
    "form fields": "place form_field_value, place widget_default, place choice_field_options",
    "names in forms": "place field_name, place export_value_of_a_checkbox, place caption_of_a_button",
    "XFA": "place xfa",
    "links": "place link_uri, place link_uri_percent, place base_uri, place web_link_of_an_image_map",
    "attachments": "place attachment, place attachment_in_an_archive, place file_annotation",
    "associated files": "place associated_file, place attachment_in_an_attachment",
    "JavaScript": "place javascript_of_the_document, place javascript_on_opening",
    "other actions": "place launch_action, place next_action, place goto_remote_file",
    "structure tree": "place structure_tree, place structure_role, case alternative_texts",
    "ActualText": "place alternative_text_in_content, place alternative_text_in_properties",
    "layer names": "place layer_name, place usage_of_a_layer",
    "article threads": "place article_thread",
    "portfolios": "place portfolio",
    "output intents": "place output_intent, place colour_profile",
    "signatures": "place signature_field, place permissions",
    "PieceInfo": "place application_data",
    "private keys": "place private_key, place private_stream, place private_name",
    "web capture": "place web_capture",
    "unreferenced": "place object_that_nothing_refers_to, place image_that_nothing_shows",
    "earlier revisions": "place earlier_revision, case earlier_revision",
    "packed objects": "test test_hiding.py test_object_streams_and_hints_of_a_linearised_file",
    "around the file": "place bytes_before_the_header, place bytes_after_the_end",
    "other files' names": "place file_of_a_reference_form, place proxy_of_a_printer",
    "fonts": "place subset_in_order_of_use, place base_font_name, place name_of_a_font",
    "ToUnicode": "place whole_word_as_one_glyph",
    "glyphs of fonts": "test io/test_font_subsets.py test_letters_that_nothing_shows_are_gone",
    "document id": "test test_hiding.py test_the_document_id_is_new",
}


@pytest.mark.parametrize("where", [PAGE, PIXELS, DOCUMENT], ids=["page", "pixels", "document"])
def test_each_place_has_its_test(where: dict[str, str]) -> None:
    missing = []
    for item, tests in where.items():
        for test in tests.split(", "):
            kind, name, *function = test.split()
            if kind == "test":
                path = ROOT / name
                known = path.exists() and (
                    not function or f"def {function[0]}(" in path.read_text(encoding="utf-8")
                )
            else:
                known = name in NAMES[kind]
            if not known:
                missing.append(f"{item}: {test}")
    assert not missing
