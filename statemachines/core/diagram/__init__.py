"""Drawing statecharts: a machine as a graph of boxes and arrows, engines that place it, writers that draw it.

    machine -> graph -> engine: layout -> svg;   graph -> mermaid, dot

A layout depends on the graph alone and may be kept; what an instance is in is laid over it when it is drawn.
"""
