"""What training sees: text, fonts, PDFs and photos of packages, drawn as lines, tiles and pairs.

Every renderer is a function of its sources and a numpy Generator: the same seed draws the same
sample. Nothing in here imports torch, so the processes that draw stay small.

One rule for boxes everywhere: a line's box reaches from 0.76 em above its baseline to 0.24 em below
it, so its height is one em, and a line is split where a gap is wider than 1.2 em.
"""

ABOVE = 0.76  # ems of a line's box above the baseline
BELOW = 0.24
