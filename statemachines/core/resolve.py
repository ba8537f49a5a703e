"""Resolve what a definition names: targets, ids, paths.

Limits: every failure is a LookupError whose text says what was wrong and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .chart import Node


def child(node: Node, path: str, written: str) -> Node:
    """Walk down from a node by its children's keys, dot by dot."""
    for key in path.split("."):
        found = next((child for child in node.children if child.key == key), None)
        if found is None:
            known = ", ".join(child.key for child in node.children) or "no states"
            raise LookupError(f"{written!r}: {node.path or 'the machine'} has no state {key!r}, it has: {known}")
        node = found
    return node


def by_id(reference: str, nodes: Mapping[str, Node]) -> Node:
    """Find "#id", or the state at "#id.child"."""
    name = reference[1:]
    if name in nodes:
        return nodes[name]
    head, _, rest = name.partition(".")
    if head not in nodes:
        raise LookupError(f"{reference!r}: no state has the id {head!r}; give it one with id=, or write its path")
    return child(nodes[head], rest, reference)


def target(source: Node, written: str, nodes: Mapping[str, Node]) -> Node:
    """Find what a transition of `source` names: "#id", ".child" of itself, or a sibling ("b", "b.c")."""
    if written.startswith("#"):
        return by_id(written, nodes)
    if written.startswith("."):
        return child(source, written[1:], written)
    if source.parent is None:
        raise LookupError(f"{written!r}: a transition of the machine itself names what is inside: write '.{written}'")
    return child(source.parent, written, written)


def initial(node: Node, written: str | None) -> Node:
    """Find a compound state's initial child: the one that is named, else the first."""
    if written is None:
        if not node.regions:
            raise LookupError("it holds only history states; add a state to enter first")
        return node.regions[0]
    for one in node.children:
        if one.key == written:
            return one
    known = ", ".join(one.key for one in node.children)
    raise LookupError(f"Initial({written!r}) names no state directly inside; it has: {known}")


def history_default(node: Node, nodes: Mapping[str, Node], default: Iterable[str]) -> tuple[Node, ...]:
    """Find what a history state enters where nothing was recorded: its default, else its parent's initial state."""
    parent = node.parent
    assert parent is not None  # the root is no history state
    named = tuple(by_id(one, nodes) if one.startswith("#") else child(parent, one, one) for one in default)
    if named:
        return named
    if parent.type == "parallel":
        return (parent,)
    return (parent.initial,) if parent.initial and parent.initial is not node else ()
