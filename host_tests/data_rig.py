"""A directory of the host's in place of /data, for modules that know their files' places."""

import builtins
import os

_CALLS = ("stat", "mkdir", "remove", "rename", "listdir", "ilistdir", "rmdir")


def use_directory(patch, directory) -> None:
    """Lead what is at /data into a directory, as long as patch, pytest's monkeypatch, lasts."""

    def led(path):
        if isinstance(path, str) and (path + "/").startswith("/data/"):
            return str(directory) + path[len("/data") :]
        return path

    def instead(real):
        def call(*paths, **options):
            return real(*[led(path) for path in paths], **options)

        return call

    patch.setattr(builtins, "open", instead(open))
    for name in _CALLS:
        patch.setattr(os, name, instead(getattr(os, name)))
