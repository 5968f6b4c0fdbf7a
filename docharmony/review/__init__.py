"""A local page in the browser to look at proposed edits, decide on them and add areas by hand."""
