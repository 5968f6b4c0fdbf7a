"""What to redact: terms, patterns and kinds of private data, found in the text of a page."""
