"""Layout analysis as pure functions: pieces of lines, tables, columns, kinds.

Data flows one way: :mod:`.pieces` brings the lines of a page into an upright frame, :mod:`.tables`
and :mod:`.figures` take theirs out, :mod:`.columns` puts the rest in reading order, :mod:`.kinds`
forms the blocks. :mod:`docharmony.stages.layout` calls them in that order.
"""
