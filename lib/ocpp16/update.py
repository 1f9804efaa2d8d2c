"""Carries out an order for new firmware, and tells how it goes. Loaded for the time it takes."""

import asyncio
import os
from binascii import a2b_base64

from core import clock, loading, log, storage
from ocpp16.work import TICK_MS, Work

loading.unload("ocpp16.work")  # what was taken of it stays as long as this module

_FILE = "/update.json"
_INSTALLING = "Installing"


class Update(Work):
    """One update. order: as ocpp16.firmware makes it; with "request" it is a signed one.

    .status is the last one told, or to be told.
    """

    name = "update"

    def __init__(self, charge_point, order: dict) -> None:
        super().__init__(charge_point)
        self.status = "Idle"
        self.request = order.get("request")
        self._order = order
        self._path = charge_point.path + _FILE
        self._digest = b""  # SHA-256 of what was downloaded
        self._holds = False  # no session may begin

    @property
    def is_installing(self) -> bool:
        """It cannot be taken back any more."""
        return self.status in (_INSTALLING, "InstallRebooting")

    async def _run(self, former) -> None:
        if former:
            await former.cancel()
        updater = self._charge_point.updater
        try:
            if self._order.get("installs"):
                await self._conclude(updater.outcome() or "InstallationFailed")
            elif await self._fetch(updater) and await self._is_genuine():
                await self._install(updater)
        except OSError as error:
            log.error("ocpp", "update: %s" % error)
            await self._conclude("InstallationFailed")
        finally:
            self._leave()
            if self._holds:
                path = self._charge_point.path
                operative = loading.once("ocpp16.availability", "read", path)
                self._charge_point.adapter.put_in_service(operative)

    async def _tell(self, status: str) -> None:
        """Firmware- or SignedFirmwareStatusNotification."""
        self.status = status
        action, payload = "FirmwareStatusNotification", {"status": status}
        if self.request is not None:
            action = "Signed" + action
            payload["requestId"] = self.request
        await self._send(action, payload)

    async def _conclude(self, status: str) -> bool:
        """Tell the end of it, whatever it is; always False."""
        if storage.exists(self._path):
            os.remove(self._path)
        if status == "Installed":
            self._charge_point.security_event("FirmwareUpdated", self._charge_point.version)
        else:
            self._charge_point.updater.discard()
        await self._tell(status)
        return False

    async def _wait_until(self, unix_s: int, scheduled: str) -> None:
        """Wait for a time; a signed update tells that it waits."""
        if unix_s > clock.unix_s() and self.request is not None:
            await self._tell(scheduled)
        while clock.unix_s() < unix_s:
            await asyncio.sleep_ms(TICK_MS)

    async def _fetch(self, updater) -> bool:
        """Download it; retries are further attempts (errata 3.50)."""
        order = self._order
        await self._wait_until(order["retrieve_s"], "DownloadScheduled")
        await self._tell("Downloading")
        for attempt in range(order["retries"] + 1):
            if attempt:
                await asyncio.sleep(order["interval_s"])
            try:
                self._digest = await updater.download(order["location"])
                await self._tell("Downloaded")
                return True
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                log.warning("ocpp", "download: %s" % (str(error) or "no answer in time"))
        return await self._conclude("DownloadFailed")

    async def _is_genuine(self) -> bool:
        """Check the signature of a signed update."""
        if self.request is None:
            return True
        certificate = loading.once("pki.certificate", "of_pem", self._order["certificate"])
        checks = loading.load("pki.signature")
        loading.unload("pki.signature")
        signature = a2b_base64(self._order["signature"])
        if await checks.is_signed(checks.public_key(certificate), signature, self._digest):
            await self._tell("SignatureVerified")
            return True
        self._charge_point.security_event("InvalidFirmwareSignature", self._order["location"])
        return await self._conclude("InvalidSignature")

    async def _install(self, updater) -> None:
        """Wait for its time and for the end of the session, install it, and start anew."""
        await self._wait_until(self._order.get("install_s", 0), "InstallScheduled")
        adapter = self._charge_point.adapter
        self._holds = True
        adapter.put_in_service([False] * (adapter.connectors + 1))  # what runs ends as it does
        while adapter.is_charging:
            await asyncio.sleep_ms(TICK_MS)
        await self._tell(_INSTALLING)
        self._order["installs"] = True
        storage.write_json(self._path, self._order)
        try:
            await updater.install()
        except ValueError as error:
            log.error("ocpp", "update: %s" % error)
            await self._conclude("InstallationFailed")
            return
        if self.request is not None:
            await self._tell("InstallRebooting")
        self._holds = False  # until it starts anew
        self._charge_point.on_reset("Soft")
