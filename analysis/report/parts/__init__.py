"""The parts of a report, one module each: ``blocks(material)`` yields its blocks."""
