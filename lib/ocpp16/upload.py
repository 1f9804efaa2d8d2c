"""Sends a log to where the back office wants it, beside everything else. Loaded for the time it takes."""

import asyncio
import os

from core import loading, log, storage
from micropython import const
from ocpp16.work import Work

loading.unload("ocpp16.work")  # what was taken of it stays as long as this module

_LINES = const(8)  # written before others have their turn
_FAILURES = ("UploadFailure", "BadMessage", "NotSupportedOperation", "PermissionDenied")


class Upload(Work):
    """One upload: of a log file made at its beginning, which all attempts send.

    request_id: GetLog's, None for GetDiagnostics. retries, interval_s: further attempts and the pause
    between them; span: (oldest, newest) as seconds since 1970 or None.
    """

    name = "log"

    def __init__(self, charge_point, location: str, file_name: str, request_id) -> None:
        super().__init__(charge_point)
        self.request_id = request_id
        self.retries = self.interval_s = 0
        self.is_security_log = False
        self.span: list = [None, None]
        self._location = location
        self._file_name = file_name
        self._path = charge_point.path + "/upload"

    async def _run(self, former) -> None:
        status = _FAILURES[0]
        try:
            if former:
                await former.cancel()
            await self._tell("Uploading")
            await self._write()
            status = await self._try_all()
        except (OSError, MemoryError) as error:
            log.error("ocpp", "upload ends: %s" % error)
        finally:
            self._leave()
            if storage.exists(self._path):
                os.remove(self._path)
        await self._tell(status)

    async def _tell(self, status: str) -> None:
        """DiagnosticsStatusNotification or LogStatusNotification."""
        if self.request_id is None:
            action = "DiagnosticsStatusNotification"
            payload = {"status": "UploadFailed" if status in _FAILURES else status}
        else:
            action, payload = "LogStatusNotification", {"status": status}
            payload["requestId"] = self.request_id
        await self._send(action, payload)

    async def _write(self) -> None:
        """The log as a file: its length has to be known, and all attempts send the same."""
        snapshot = loading.load("ocpp16.snapshot")
        loading.unload("ocpp16.snapshot")
        make = snapshot.security if self.is_security_log else snapshot.diagnostics
        with open(self._path, "wb") as file:
            count = 0
            for line in make(self._charge_point, *self.span):
                file.write((line + "\n").encode())
                count += 1
                if not count % _LINES:
                    await asyncio.sleep_ms(0)

    async def _try_all(self) -> str:
        """Attempt after attempt; returns the status that tells the end."""
        attempt = 0
        while True:
            try:
                await self._transfer()
                return "Uploaded"
            except (OSError, ValueError, EOFError, asyncio.TimeoutError) as error:
                log.warning("ocpp", "upload: %s" % (str(error) or "no answer in time"))
                kind = getattr(error, "kind", 0)
            attempt += 1
            if kind or attempt > self.retries:
                return _FAILURES[kind]
            await asyncio.sleep(self.interval_s)

    async def _transfer(self) -> None:
        address = loading.once("file_transfer.address", "Address", self._location)
        if address.scheme == "ftp":
            settings = self._charge_point.settings
            if not address.user:
                address.user = settings.get("ftp_user")
                address.password = settings.get("ftp_password")
            sending = loading.once(
                "file_transfer.ftp", "upload", address, self._path, self._file_name
            )
        else:
            trust = self._trust() if address.scheme == "https" else None
            sending = loading.once(
                "file_transfer.http", "upload", address, self._path, self._file_name, trust
            )
        loading.unload("file_transfer.pieces")
        loading.unload("file_transfer.address")
        await sending

    def _trust(self):
        """Who is believed over https: the back office's roots."""
        path = self._charge_point.path
        roots = loading.once("ocpp16.certificate_store", "root_paths", "cs", path)
        return loading.once("websocket_client.secure", "Trust", roots)
