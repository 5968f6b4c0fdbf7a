"""The TextHarmony engine (NeurIPS 2024, arXiv 2407.16364): one model that reads, answers and paints."""
