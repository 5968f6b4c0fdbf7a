"""Writers, one module a format. Each is a class with ``extension``, ``media_type`` and ``write``."""
