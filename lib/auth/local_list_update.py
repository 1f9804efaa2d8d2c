"""Brings what a SendLocalList holds (OCPP 1.6, 5.15) into the local list: all of it, or nothing. Loaded for that."""

import asyncio
import os

from auth import local_list
from auth.local_list import ListFiles, index_path
from auth.tag_files import FILES, TAG_BYTES, checked, key, number_of
from auth.tag_info import expiry_in, pack, parent_in
from core import loading, log, storage
from micropython import const

_TURN = const(4)  # records that are looked at before others have their turn

for _name in ("auth.local_list", "auth.tag_info", "auth.tag_files"):
    loading.unload(_name)  # they go when this module goes


async def update(entries: list, version: int, is_full: bool, path: str = local_list.PATH) -> None:
    """Put entries of AuthorizationData in force: as the list, or into it.

    The entries are used up: in their place come records, which take less memory. ValueError says what is
    wrong with them; OSError: of the flash. Then the list is as it was.
    """
    await _pack(entries, is_full)
    _, count, editions = local_list.index(path)
    if is_full:
        count = 0
    storage.make_directory(path)
    files = ListFiles(path, editions)
    new = ListFiles(path, "".join(["a" if edition == "b" else "b" for edition in editions]))
    written = ""
    try:
        for number in range(FILES):
            news = [record[1:] for record in entries if record[0] == number]
            edition = editions[number]
            if news or is_full:
                old = () if is_full else files.in_file(files.file(number))
                before, after = await _write(new.file(number), old, news)
                count += after - before
                edition = new.file(number)[-1] if after else "-"
            written += edition
            await asyncio.sleep_ms(0)
        if count > local_list.MOST:
            raise ValueError("there is room for %d tags, not %d" % (local_list.MOST, count))
        storage.write_json(index_path(path), [version, count, written])
        editions = written
    finally:
        await _remove_others(path, editions)


async def _pack(entries: list, is_full: bool) -> None:
    """Turn entries into records behind the number of their file; a tag to be taken off into its key alone."""
    for place in range(len(entries)):
        if place % _TURN == _TURN - 1:
            await asyncio.sleep_ms(0)
        tag, info = entries[place]["idTag"], entries[place].get("idTagInfo")
        start = record = key(checked(tag))
        if info is not None:
            record = pack(start, info.get("status"), expiry_in(info), parent_in(info))
        elif is_full:
            raise ValueError("%s has no idTagInfo" % tag)
        entries[place] = bytes([number_of(start)]) + record


async def _write(path: str, old, news: list) -> tuple:
    """Write a file of old records and news; (number of tags before, after)."""
    told = {record[:TAG_BYTES] for record in news}
    if len(told) < len(news):
        raise ValueError("a tag is there twice")
    before = after = 0
    with open(path, "wb") as file:
        for record in old:
            before += 1
            if record[:TAG_BYTES] not in told:
                after += 1
                file.write(record)
            if before % _TURN == 0:
                await asyncio.sleep_ms(0)
        for record in news:
            if len(record) > TAG_BYTES:
                after += 1
                file.write(record)
    return before, after


async def _remove_others(path: str, editions: str) -> None:
    """Remove the editions that do not hold, as far as the flash lets them go: they only take room."""
    hold = ["%x%s" % (number, editions[number]) for number in range(FILES)]
    try:
        for name in os.listdir(path):
            if len(name) == 2 and name not in hold:
                os.remove(path + "/" + name)
                await asyncio.sleep_ms(0)
    except OSError as error:
        log.warning("auth", "local list: %s" % error)
