"""Conversion of TextHarmony weights to the ONNX parts that docharmony runs."""
