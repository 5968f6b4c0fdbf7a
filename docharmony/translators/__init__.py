"""Translating texts: the seam of translators, protection of what must not change, typography."""
