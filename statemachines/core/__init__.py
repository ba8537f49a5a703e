"""The statechart core: definition, interpreter, XState JSON. Plain Python; it loads no Django."""
