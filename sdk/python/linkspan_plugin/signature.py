"""What a handler takes, by its signature: arguments, items, and the context."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import typing
from typing import Any, Callable, Dict, List, Optional

from .errors import InvalidParameters


class Signature:
    """The parameters of a function, and how the body of a request becomes arguments."""

    def __init__(self, function: Callable[..., Any], context_type: type):
        self.types = type_hints(function)
        self.context: Optional[str] = None
        self.items: Optional[str] = None
        self.takes_others = False
        self.parameters: Dict[str, inspect.Parameter] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            hint = self.types.get(name, Any)
            if hint is context_type or name == "cx":
                self.context = name
            elif typing.get_origin(hint) in ITERABLES or hint in ITERABLES:
                self.items = name
            elif parameter.kind is parameter.VAR_KEYWORD:
                self.takes_others = True
            elif parameter.kind is parameter.VAR_POSITIONAL or parameter.kind is POSITIONAL:
                raise TypeError(f"the parameter {name} of a method cannot be given by its name")
            else:
                self.parameters[name] = parameter

    def describe(self) -> List[Dict[str, str]]:
        """The parameters, for those who list the methods."""
        names = self.parameters
        return [{"name": name, "type": name_of(self.types.get(name, Any))} for name in names]

    def result(self) -> str:
        """The type of the result, or of the items that are streamed."""
        hint = self.types.get("return", Any)
        if typing.get_origin(hint) in GENERATORS and typing.get_args(hint):
            hint = typing.get_args(hint)[0]
        return "" if hint is Any else name_of(hint)

    def item_type(self) -> Any:
        """The type of the items that come."""
        return (typing.get_args(self.types.get(self.items or "")) or (Any,))[0]

    def arguments(self, value: Any) -> Dict[str, Any]:
        """Arguments by name: from a map by name, from an array by place, else the only one."""
        if self._is_whole(value):
            value = {next(iter(self.parameters)): value}
        elif isinstance(value, list):
            if len(value) > len(self.parameters):
                most = len(self.parameters)
                raise InvalidParameters(f"parameters: {len(value)} are given, {most} are taken")
            value = dict(zip(self.parameters, value))
        elif not isinstance(value, dict) and value is not None:
            if len(self.parameters) != 1:
                raise InvalidParameters("parameters: neither a map nor an array")
            value = {next(iter(self.parameters)): value}
        return self._named(value or {})

    def _named(self, given: Dict[str, Any]) -> Dict[str, Any]:
        arguments = dict(given) if self.takes_others else {}
        for name, parameter in self.parameters.items():
            if name in given:
                hint = self.types.get(name, Any)
                arguments[name] = convert(given[name], hint, f"parameter {name}")
            elif parameter.default is parameter.empty:
                raise InvalidParameters(f"parameter {name}: missing")
        return arguments

    def _is_whole(self, value: Any) -> bool:
        """Whether an array or a map is the only argument itself, as its type says."""
        if len(self.parameters) != 1:
            return False
        (name,) = self.parameters
        hint = self.types.get(name, Any)
        if isinstance(value, dict) and name not in value:
            return dataclasses.is_dataclass(hint) or dict in (hint, typing.get_origin(hint))
        return isinstance(value, list) and list in (hint, typing.get_origin(hint))


def convert(value: Any, hint: Any, place: str) -> Any:
    """A decoded value as the type that is declared; what is not known here passes as it is."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        return convert_any(value, arguments, place)
    if dataclasses.is_dataclass(hint):
        return convert_fields(value, hint, place)
    if origin is list and isinstance(value, list) and arguments:
        element = arguments[0]
        return [convert(it, element, f"{place}[{at}]") for at, it in enumerate(value)]
    if origin is dict and isinstance(value, dict) and len(arguments) == 2:
        return {key: convert(it, arguments[1], f"{place}.{key}") for key, it in value.items()}
    expected = origin or hint
    if expected is float and type(value) is int:
        return float(value)
    if expected is bytes and isinstance(value, list):
        return as_bytes(value, place)
    is_wrong = expected in CHECKED and not isinstance(value, expected)
    if is_wrong or (expected in (int, float) and isinstance(value, bool)):
        found = type(value).__name__
        raise InvalidParameters(f"{place}: expected {name_of(hint)}, found {found}")
    return value


def convert_any(value: Any, hints: tuple, place: str) -> Any:
    """The value as the first of some types that it fits."""
    if value is None and type(None) in hints:
        return None
    problem = None
    for hint in hints:
        if hint is not type(None):
            try:
                return convert(value, hint, place)
            except InvalidParameters as error:
                problem = problem or error
    raise problem or InvalidParameters(f"{place}: unexpected")


def convert_fields(value: Any, hint: Any, place: str) -> Any:
    """A data class from the map of its fields; fields that are not known are left out."""
    if not isinstance(value, dict):
        raise InvalidParameters(f"{place}: expected a map, found {type(value).__name__}")
    hints, known = type_hints(hint), {}
    for field in dataclasses.fields(hint):
        if field.name in value:
            found = value[field.name]
            known[field.name] = convert(found, hints.get(field.name, Any), f"{place}.{field.name}")
    try:
        return hint(**known)
    except TypeError as error:
        raise InvalidParameters(f"{place}: {error}") from None


def as_bytes(value: list, place: str) -> bytes:
    """Bytes that came as numbers, as JSON and Rust's lists have them."""
    try:
        return bytes(value)
    except (TypeError, ValueError):
        raise InvalidParameters(f"{place}: expected bytes, found other values") from None


def type_hints(of: Any) -> Dict[str, Any]:
    """Types as far as they can be found out."""
    try:
        return typing.get_type_hints(of)
    except (NameError, TypeError):
        return dict(getattr(of, "__annotations__", {}))


def name_of(hint: Any) -> str:
    """A type as it stands in the source."""
    if isinstance(hint, str):
        return hint
    is_plain = isinstance(hint, type) and not typing.get_args(hint)
    return hint.__name__ if is_plain else str(hint).replace("typing.", "")


ITERABLES = (collections.abc.Iterable, collections.abc.Iterator)
GENERATORS = (*ITERABLES, collections.abc.Generator)
POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
CHECKED = (bool, int, float, str, bytes, list, dict)
