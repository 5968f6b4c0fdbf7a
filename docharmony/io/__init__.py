"""Reading, rendering and writing of files. The parsers themselves run in :mod:`.child` processes."""
