"""The parts of a report, one module each: ``blocks(material)`` returns what stands in it."""
