"""Layout analysis as pure functions: pieces of lines, tables, columns, kinds.

Data flows one way: :mod:`.pieces` brings the lines of a page into an upright frame in points,
:mod:`.ruled` and :mod:`.figures` take theirs out, :mod:`.columns` puts the rest in reading order and
asks :mod:`.tables` for tables without rules on its way, :mod:`.kinds` forms the blocks; :mod:`.scan`
finds strokes in pixels. :mod:`docharmony.stages.layout` calls them.
"""
