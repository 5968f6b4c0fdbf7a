"""Names and words that every PDF may hold: a term that is one of them tells nothing where it is syntax.

Whoever redacts "Caption" or a Mr Parent means the text of the document, not ``/Caption`` of its tags and
``/Parent`` of its objects. Sources: ISO 32000-2 (keys, filters, structure types), Adobe Technical Notes
5015 (Type 1 programs) and 5411 (character maps); names of glyphs come from the Adobe Glyph List.
"""

from __future__ import annotations

import functools
import re

_PDF = """
Abbrev AccurateScreens AcroForm Action Actions ActualText Additional AllOff AllOn AllPages Alternate
AlternateImages AlternatePresentations Alternates Angle Annot Annotation Annots AnnotStates
AntiAlias AppDefault ArtBox Article Artifact Ascent ASCII85Decode ASCIIHexDecode Aside Attached
Author AvgWidth BackdropColor Background BaseEncoding BaseFont BaseState BaseVersion BibEntry
BitsPerComponent BitsPerCoordinate BitsPerFlag BitsPerSample Bl BlackIs1 BlackPoint BleedBox
BlockAlign BlockQuote Bookmark Border BorderColor BorderStyle BorderThickness Bounds BoxColorInfo
Btn ByteRange CalGray CalRGB CapHeight Caption Caret Catalog CCITTFaxDecode Center CenterWindow CFM
Changes CharProcs CharSet Choice CIDFontType0 CIDFontType0C CIDFontType2 CIDInit CIDSet
CIDSystemInfo CIDToGIDMap Circle ClassMap CMapName CMapType Code Collection CollectionItem
CollectionSchema CollectionSort Colorants ColorBurn ColorDodge Colors ColorSpace ColorTransform
ColSpan ColumnCount ColumnGap Columns ColumnWidths Comment Compatible Components Configs Contact
ContactInfo Content Contents Coordinates Coords Copyright Count Courier CreationDate Creator CropBox
CropRect Crypt Darken Dashed Date Decode DecodeParms Default DefaultCMYK DefaultForNew DefaultGray
DefaultRGB DeleteForm Desc DescendantFonts Descent Destination DestOutputProfile Dests Deviation
DeviceCMYK DeviceColorant DeviceGray DeviceN DeviceRGB Difference Differences DigestMethod Direction
DisplayDocTitle Document DocumentFragment Domain DotGain Draft Duplex Duration EarlyChange Embedded
EmbeddedFile EmbeddedFiles Encoding Encrypt EncryptMetadata EndIndent EndOfBlock EndOfLine Event
Exclude Exclusion ExData Export ExportState Extend Extends Extensions ExtGState FDecodeParms FFilter
Fields Figure FileAttachment Filespec Filter First FirstChar FirstPage FitWindow Flags FlateDecode
Font FontBBox FontDescriptor FontFamily FontFauxing FontFile FontFile2 FontFile3 FontMatrix FontName
FontStretch FontWeight Footer Footnotes Form FormType Formula FreeText Frequency Function Functions
FunctionType Gamma GoTo GoToE GoToR Group HalftoneName HalftoneType HardLight Header Headers Height
Helvetica Hidden HideAction HideMenubar HideToolbar HideWindowUI Highlight Hue ICCBased Identity
Image ImageB ImageC ImageI ImageMask ImportData Include Index Indexed Info Inline Insert Intent
Interpolate InvertedDouble InvertedEllipse Invisible IsMap ItalicAngle JavaScript JBIG2Decode
JBIG2Globals JPXDecode Justify Keystroke Keywords Kids Lang Language LastChar LastModified LastPage
Launch Layout LBody Leading Legal Length Length1 Length2 Length3 Level1 Lighten Limits Line
Linearized LineArrow LineHeight LineThrough LineX LineY Link ListMode ListNumbering Location Lock
Locked Luminosity LZWDecode MacExpertEncoding MacRomanEncoding Margin Marked MarkInfo MarkStyle Mask
Matrix Matte MaxLen MaxWidth MCID MCR Measure MediaBox MediaClip Metadata MissingWidth Mix MMType1
ModDate Movie Multiply Name Names NeedAppearances NewWindow Next NextPage None NonEFontNoWarn
NonFullScreenPageMode NonStruct Normal Note NumberFormat NumCopies Nums OBJR ObjStm Oblique OCGs
OCMD OCProperties OneColumn Open OpenAction OpenType Order Ordering Outlines OutputCondition
OutputConditionIdentifier OutputIntent OutputIntents Outset Overlay Overline Owner Padding Page
PageElement PageLabel PageLabels PageLayout PageMode Pages Pagination PaintType Panose Paperclip
Params Parent ParentTree ParentTreeNextKey Part Password Pattern PatternType Perceptual Perms Phone
PickTrayByPDFSize PieceInfo Placement Polygon PolyLine Popup Predictor PreferredLayout PreserveRB
PresSteps Prev PrevPage Print PrintArea PrintClip PrintPageRange PrintScaling PrintState Private
Process ProcSet Producer Projection Prop_AuthTime Prop_AuthType Prop_Build Properties Quote Range
RBGroups Reason Rect Rectangle Redact Reference References Registry RegistryName Relationship
RelativeColorimetric Rendition Renditions Repeat Requirements ResetForm Resource Resources Result
RichMedia Ridge RoleMap Root Rotate Rows RowSpan Ruby RubyAlign RubyPosition RunLengthDecode
Saturation SaveAs Schema Scope Screen Sect Section Security Separation SeparationInfo SetOCGState
Shading ShadingType Short Sig SigFieldLock SigFlags Signature Signatures Size SoftLight Solid Sound
SpaceAfter SpaceBefore Spacing Span Specification SpiderInfo SpotFunction Square Squiggly Stamp
Standard Start StartIndent State StateModel StemH StemV StrikeOut Strong StructElem StructParent
StructParents StructTreeRoot Structure Subject SubmitForm Subtype Summary Supplement Suspects Symbol
Table TableOfContents TBody TemplateInstantiated Templates Text TextAlign TextDecorationType
TextIndent TFoot THead Threads Thumb TilingType Times TimeStamp Title Toggle ToggleNoView ToUnicode
Trans TransformMethod TransformParams Transparency TrapNet Trapped TrimBox Trimbox True TrueType
TrueTypeFont TwoColumnLeft TwoColumnRight TwoPageLeft TwoPageRight Type Type0 Type1 Type1C Type3
Unchanged Underline Unix Unknown Unspecified Usage UseAttachments UseCMap UseNone UseOC UseOutlines
UserProperties UserUnit Verb Version Vertices VerticesPerRow View ViewArea ViewClip
ViewerPreferences ViewState Visible Volume Warichu Watermark WhitePoint Widget Width Widths
WinAnsiEncoding WritingMode XFAResources XHeight XObject XRef XRefStm XStep XYZ YStep Zapf
ZapfDingbats ZoomFactor
"""
_OPERATORS = """
BlueFuzz BlueScale BlueShift BlueValues CharStrings Encoding ExpansionFactor FamilyBlues FamilyName
FamilyOtherBlues FontBBox FontDirectory FontInfo FontName FontType ForceBold FullName LanguageGroup
LenIV MinFeature Notice OtherBlues OtherSubrs PaintType Private RndStemUp StandardEncoding StdHW
StdVW StemSnapH StemSnapV StrokeWidth Subrs UnderlinePosition UnderlineThickness UniqueID Weight
WeightVector array begin beginbfchar beginbfrange begincidrange begincmap begincodespacerange bind
currentdict currentfile definefont defineresource dict eexec endbfchar endbfrange endcidrange
endcmap endcodespacerange endobj endstream exch executeonly false findfont findresource ifelse index
isFixedPitch known noaccess notdef null readonly resource restore save startxref stream systemdict
trailer true usecmap xref
"""
_WORDS = frozenset(word.encode() for word in _OPERATORS.split())
_SYNTAX = re.compile(rb"/[A-Za-z][A-Za-z0-9_.]*|(?<![A-Za-z0-9_.])[A-Za-z]{3,}(?![A-Za-z0-9_.])")


@functools.cache
def standard() -> frozenset[bytes]:
    """Return the names and words, as they stand in a file."""
    from fontTools.agl import AGL2UV

    words = [*_PDF.split(), *_OPERATORS.split(), *AGL2UV]
    return frozenset(word.encode("ascii") for word in words)


def without_syntax(data: bytes, *, words: bool = False) -> bytes:
    """Return the bytes without standard names that stand as such; with ``words`` without operators too.

    >>> without_syntax(b"/Caption <</MCID 1>> BDC (Caption of Parent) Tj endstream", words=True)
    b'/ <</MCID 1>> BDC (Caption of Parent) Tj '
    """
    known = standard()

    def kept(match: re.Match[bytes]) -> bytes:
        name = match.group()
        if name[:1] == b"/":
            return b"/" if name[1:] in known else name
        return b"" if words and name in _WORDS else name

    return _SYNTAX.sub(kept, data)


def is_standard(name: str) -> bool:
    """Return whether a name (with its slash) is one that any PDF may hold."""
    return name[1:].encode("utf-8", "replace") in standard()
