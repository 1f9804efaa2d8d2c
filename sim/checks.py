"""Strict checking of what the bench's callers send: a shape is {key: check}."""

import json
import math
from typing import Callable

Check = Callable[[object], object]
Shape = dict[str, Check]


class BadInput(ValueError):
    """The text says what is wrong and what is allowed."""


def parsed(raw: bytes) -> object:
    """The JSON in a body."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadInput("the body is not JSON") from None


def milliseconds(text: str) -> float:
    """A time in a query."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise BadInput("since must be a number of milliseconds")
    return value


def checked(body: object, shape: Shape, required: bool = True) -> dict:
    """The body's values by key; raises BadInput for anything that the shape does not name.

    required: at least one key must be there.
    """
    if not isinstance(body, dict):
        raise BadInput("the body must be a JSON object with any of: " + ", ".join(shape))
    unknown = [key for key in body if key not in shape]
    if unknown:
        raise BadInput(f"unknown key {unknown[0]!r}; allowed: " + ", ".join(shape))
    if required and not body:
        raise BadInput("the body is empty; allowed: " + ", ".join(shape))
    values = {}
    for key, value in body.items():
        try:
            values[key] = shape[key](value)
        except BadInput as error:
            raise BadInput(f"{key}: {error}, not {_shown(value)}") from None
    return values


def needed(body: object, shape: Shape, *keys: str) -> dict:
    """As checked, with keys that must be there."""
    values = checked(body, shape)
    for key in keys:
        if key not in values:
            raise BadInput(f"{key} is missing")
    return values


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise BadInput("must be true or false")
    return value


def number(low: float, high: float) -> Check:
    """A finite number in a range, both ends included."""

    def check(value: object) -> object:
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not numeric or not low <= value <= high:  # type: ignore[operator]
            raise BadInput(f"must be a number from {low} to {high}")
        return value

    return check


def whole(low: int, high: int) -> Check:
    """An integer in a range, both ends included."""

    def check(value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadInput(f"must be a whole number from {low} to {high}")
        return value

    return check


def one_of(*choices: object) -> Check:
    """One of a few values."""

    def check(value: object) -> object:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            raise BadInput("must be one of " + ", ".join(map(str, choices)))
        return value

    return check


def three(item: Check) -> Check:
    """A list with a value for each phase."""

    def check(value: object) -> object:
        if not isinstance(value, list) or len(value) != 3:
            raise BadInput("must be a list of three")
        return [item(one) for one in value]

    return check


def list_of(item: Check, most: int) -> Check:
    """A list of at most that many."""

    def check(value: object) -> object:
        if not isinstance(value, list) or len(value) > most:
            raise BadInput(f"must be a list of at most {most}")
        return [item(one) for one in value]

    return check


def hex_bytes(*lengths: int) -> Check:
    """Bytes in hexadecimal, of one of the lengths."""

    def check(value: object) -> object:
        sizes = ", ".join(map(str, lengths))
        try:
            data = bytes.fromhex(value) if isinstance(value, str) else b""
        except ValueError:
            data = b""
        if len(data) not in lengths or len(value) != 2 * len(data):  # type: ignore[arg-type]
            raise BadInput(f"must be {sizes} bytes in hexadecimal")
        return data

    return check


def hex_upto(most: int) -> Check:
    """Any number of bytes in hexadecimal, 1 at least."""

    def check(value: object) -> object:
        try:
            return hex_bytes(*range(1, most + 1))(value)
        except BadInput:
            raise BadInput(f"must be 1 to {most} bytes in hexadecimal") from None

    return check


def text(most: int) -> Check:
    """Text of at most that many characters, not empty."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not 0 < len(value) <= most:
            raise BadInput(f"must be text of 1 to {most} characters")
        return value

    return check


def limited(least: int, most: int) -> Check:
    """Text of so many bytes in UTF-8, none of them zero."""

    def check(value: object) -> object:
        try:
            size = len(value.encode()) if isinstance(value, str) and "\0" not in value else -1
        except UnicodeError:  # half a surrogate pair
            size = -1
        if not least <= size <= most:
            raise BadInput(f"must be text of {least} to {most} bytes")
        return value

    return check


def shaped(shape: Shape) -> Check:
    """An object that has all of a shape's keys."""

    def check(value: object) -> object:
        return needed(value, shape, *shape)

    return check


def mapping(value: object) -> dict:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BadInput("must be a JSON object")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
