"""The deterministic reader: pure functions from a page and a question to answers with their place."""
