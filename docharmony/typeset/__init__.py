"""Setting new text: faces, shaping, and fitting it into the space there is."""
