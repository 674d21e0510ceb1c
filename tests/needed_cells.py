"""Which cells of a lesson a later cell rests on: those that bind or change a name that it uses, and what these rest on in turn.

A lesson's exercises are checked again and again; the cells they do not rest on are run by strict nbval anyway.
"""

import ast
import symtable
from collections.abc import Iterable, Iterator, Sequence

ONLY_SHOWS = {"print", "display", "show", "check", "hint"}


def needed(cells: Sequence[str], wanted: Iterable[int]) -> list[int]:
    """The positions of the cells that the wanted ones rest on, and of these themselves, in order.

    A cell counts as changing a name when it assigns to it, to an attribute or an item of it, calls a method of it as a statement,
    passes it to a call whose result it throws away, or uses it to open something in a with statement. A cell that is not plain
    Python is kept.
    """
    kept, names = set(wanted), set[str]()
    for position in range(len(cells) - 1, -1, -1):
        tree = _parsed(cells[position])
        if tree is None or position in kept or _changed(cells[position], tree) & names:
            kept.add(position)
            if tree is not None:
                names = (names - _rebound(tree)) | _used(cells[position])
    return sorted(kept)


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _used(source: str) -> set[str]:
    """The variables of the lesson that a cell reads, also from inside its functions; not those that only a comprehension knows."""
    top = symtable.symtable(source, "cell", "exec")
    return {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()} | {
        symbol.get_name() for inner in _inner(top) for symbol in inner.get_symbols() if symbol.is_global()
    }


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _rebound(tree: ast.Module) -> set[str]:
    """The names that a cell gives a new value in any case, so that what they were before does not matter to what follows."""
    names: set[str] = set()
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets):
                names |= {
                    name.id
                    for target in targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                }
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names |= {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    return names


def _changed(source: str, tree: ast.Module) -> set[str]:
    top = symtable.symtable(source, "cell", "exec")
    names = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    for node in ast.walk(tree):
        match node:
            case ast.Delete(targets=targets):
                names |= {name for target in targets for name in _root(target)}
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                names |= _root(node)
            case ast.Expr(value=ast.Call(func=function, args=arguments, keywords=keywords)) if _last_name(function) not in ONLY_SHOWS:
                names |= _root(function).union(*map(_names, arguments), *(_names(each.value) for each in keywords))
            case ast.With(items=items):  # a file that is written, a process that works in a folder
                names = names.union(*(_names(item.context_expr) for item in items))
    return names


def _names(node: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _root(node: ast.expr) -> set[str]:
    """The variable that an expression such as ``model[0].pooling`` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
