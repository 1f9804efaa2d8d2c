"""The most telling cases of the OCA's test tool for charge points, on real MicroPython in a small heap."""

import http.server
import threading
import time

import pytest
from bench_process import until
from cryptography.hazmat.primitives.serialization import Encoding
from sim.certificates import Holder
from station import CARD

pytestmark = pytest.mark.slow
OPTIONS = {"heap": "128k"}
SETTINGS = {
    "local_authorize_offline": True,
    "offline_allow_unknown": True,
    "clock_aligned_interval": 0,
    "connection_timeout": 3,
}
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
OTHER = "0BADCAFE"


def soon(seconds: float) -> str:
    """A time from now on."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def configure(station, **keys) -> None:
    """ChangeConfiguration for each."""
    for key, value in keys.items():
        assert station.call("ChangeConfiguration", key=key, value=value) == ACCEPTED


def profile(number: int, purpose: str, *periods, **more) -> dict:
    """csChargingProfiles in amps from now on; periods: (start s, limit)."""
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": soon(0),
        "duration": 600,
        "chargingSchedulePeriod": [{"startPeriod": s, "limit": limit} for s, limit in periods],
    }
    named = {"chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute"}
    number = {"chargingProfileId": number, "stackLevel": 0}
    return {**number, **named, "chargingSchedule": schedule, **more}


def limits(station, seconds: int) -> list:
    """Limits of the composite schedule."""
    answer = station.call("GetCompositeSchedule", connectorId=1, duration=seconds)
    return [p["limit"] for p in answer["chargingSchedule"]["chargingSchedulePeriod"]]


def offers(station, amps: float) -> None:
    """The pilot comes to offer that."""
    station.shows(lambda s: abs(s["signaled_a"] - amps) < 0.2)


@pytest.fixture
def remote(station):
    """remote(tag) starts a charge from afar: the tool's state Charging; the transaction."""

    def start(tag: str = CARD, **more) -> dict:
        last = station.last_number
        station.plug()
        station.reports("Preparing")
        start = {"idTag": tag, "connectorId": 1, **more}
        assert station.call("RemoteStartTransaction", **start) == ACCEPTED
        station.charging()
        return station.started(last)

    return start


# --- charging


def test_tc_003_and_068_charging_plug_in_first(station):
    last = station.last_number
    station.charge()
    begun = station.started(last)
    station.card(OTHER, hold_ms=600)
    station.shows(lambda s: not s["cards"])
    assert station.state["coil"]
    station.card(CARD)
    assert station.stopped(begun["id"])["reason"] == "Local"


def test_tc_004_2_identification_first_connection_time_out(station):
    station.card("04112233445566")
    station.reports("Preparing")
    station.reports("Available")


def test_tc_010_026_028_and_012_remote_control(station, remote):
    begun = remote()
    again = station.call("RemoteStartTransaction", idTag=OTHER, connectorId=1)
    assert again == REJECTED
    unknown = station.call("RemoteStopTransaction", transactionId=begun["id"] + 1)
    assert unknown == REJECTED
    assert station.call("RemoteStopTransaction", transactionId=begun["id"]) == ACCEPTED
    assert station.stopped(begun["id"])["reason"] == "Remote"
    station.reports("Finishing")


def test_tc_027_remote_start_on_connector_zero(station):
    station.plug()
    station.reports("Preparing")
    answer = station.call("RemoteStartTransaction", idTag=CARD, connectorId=0)
    assert answer == REJECTED


# --- configuration


def test_tc_019_021_and_040_configuration(station):
    keys = station.call("GetConfiguration")["configurationKey"]
    assert {"MeterValueSampleInterval", "ChargeProfileMaxStackLevel"} <= {k["key"] for k in keys}
    most = int(next(k["value"] for k in keys if k["key"] == "GetConfigurationMaxKeys"))
    assert most >= len(keys)
    configure(station, MeterValueSampleInterval="60")
    for key, value, status in (
        ("NoSuchKey", "1", "NotSupported"),
        ("MeterValueSampleInterval", "-1", "Rejected"),
        ("NumberOfConnectors", "2", "Rejected"),
    ):
        answer = station.call("ChangeConfiguration", key=key, value=value)
        assert answer == {"status": status}


@pytest.mark.parametrize("message", ["MeterValues", "DiagnosticsStatusNotification"])
def test_tc_054_trigger_message(station, message):
    since_s = time.time()
    assert station.call("TriggerMessage", requestedMessage=message) == ACCEPTED
    until(lambda: station.messages(message, since_s), message)


# --- local list, cache


def test_tc_042_043_and_008_local_list(station):
    configure(station, LocalPreAuthorize="true", LocalAuthListEnabled="true")
    entries = [
        {"idTag": CARD, "idTagInfo": {"status": "Accepted"}},
        {"idTag": OTHER, "idTagInfo": {"status": "Blocked"}},
    ]
    full = {"listVersion": 2, "updateType": "Full", "localAuthorizationList": entries}
    assert station.call("SendLocalList", **full) == ACCEPTED
    assert station.call("GetLocalListVersion") == {"listVersion": 2}
    older = {**full, "listVersion": 1, "updateType": "Differential"}
    assert station.call("SendLocalList", **older) == {"status": "VersionMismatch"}
    last, since_s = station.last_number, time.time()
    station.charge()
    assert station.started(last)["idTag"] == CARD
    assert not station.messages("Authorize", since_s)
    assert station.call("SendLocalList", listVersion=3, updateType="Full") == ACCEPTED
    assert station.call("GetLocalListVersion") == {"listVersion": 0}
    configure(station, LocalPreAuthorize="false")


def test_tc_061_clear_cache(station):
    assert station.call("ClearCache") == ACCEPTED


# --- reservations


def test_tc_046_1_and_052_reservation(station):
    last = station.last_number
    wanted = {"connectorId": 1, "idTag": CARD, "reservationId": 7, "expiryDate": soon(300)}
    assert station.call("ReserveNow", **wanted) == ACCEPTED
    station.reports("Reserved")
    assert station.call("CancelReservation", reservationId=8) == REJECTED
    station.plug()
    station.card(OTHER, hold_ms=600)
    station.shows(lambda s: not s["cards"])
    assert not station.state["coil"]
    station.card(CARD)
    station.charging()
    station.started(last)
    assert station.messages("StartTransaction")[-1]["reservationId"] == 7


def test_tc_051_cancel_a_reservation(station):
    wanted = {"connectorId": 0, "idTag": CARD, "reservationId": 8, "expiryDate": soon(300)}
    assert station.call("ReserveNow", **wanted) == ACCEPTED
    station.reports("Reserved")
    assert station.call("CancelReservation", reservationId=8) == ACCEPTED
    station.reports("Available")


# --- charging profiles


def test_tc_056_and_066_and_067_profiles(station, remote):
    default = profile(1, "TxDefaultProfile", (0, 10), (100, 20))
    set_default = {"connectorId": 1, "csChargingProfiles": default}
    assert station.call("SetChargingProfile", **set_default) == ACCEPTED
    begun = remote()
    offers(station, 10)
    own = profile(2, "TxProfile", (0, 8), (100, 16), transactionId=begun["id"])
    whole = profile(3, "ChargePointMaxProfile", (0, 12))
    for connector, wanted in ((1, own), (0, whole)):
        answer = station.call(
            "SetChargingProfile", connectorId=connector, csChargingProfiles=wanted
        )
        assert answer == ACCEPTED
    offers(station, 8)
    assert limits(station, 300) == [8, 12]
    assert station.call("ClearChargingProfile") == ACCEPTED
    offers(station, 32)
    assert station.call("ClearChargingProfile") == {"status": "Unknown"}


def test_tc_059_remote_start_with_a_profile(station, remote):
    remote(chargingProfile=profile(1, "TxProfile", (0, 6), (300, 10)))
    offers(station, 6)
    assert limits(station, 400) == [6, 10]


# --- power and line


def test_tc_034_power_failure_while_unavailable(station):
    change = {"connectorId": 0}
    assert station.call("ChangeAvailability", type="Inoperative", **change) == ACCEPTED
    station.reports("Unavailable")
    since_s = time.time()
    station.power(False)
    station.power(True)
    until(lambda: len(station.messages("StatusNotification", since_s)) >= 2, "its statuses")
    assert {m["status"] for m in station.messages("StatusNotification", since_s)} == {
        "Unavailable"
    }
    assert station.call("ChangeAvailability", type="Operative", **change) == ACCEPTED
    station.reports("Available")


def test_tc_032_power_failure_with_a_transaction(station, remote):
    begun = remote()
    station.power(False)
    station.power(True)
    ended = station.stopped(begun["id"])
    assert (ended["reason"], ended["stops"], ended["starts"]) == ("PowerLoss", 1, 1)


def test_tc_015_hard_reset_with_a_transaction(station, remote):
    begun, before = remote(), station.record["boots"]
    assert station.call("Reset", type="Hard") == ACCEPTED
    assert station.stopped(begun["id"])["reason"] == "HardReset"
    until(lambda: station.record["boots"] > before, "a BootNotification")


def test_tc_039_a_whole_transaction_offline(station):
    last = station.last_number
    station.back_office(False)
    try:
        station.charge()
        station.card(CARD)
        station.shows(lambda s: not s["contactor_closed"])
    finally:
        station.back_office(True)
    begun = station.started(last)
    ended = station.stopped(begun["id"])
    assert (ended["starts"], ended["stops"], ended["reason"]) == (1, 1, "Local")
    station.connected()


# --- files and certificates


class Taker(http.server.BaseHTTPRequestHandler):
    """Takes a file."""

    def do_PUT(self):
        """Keep it."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.server.taken[self.path] = self._chunks()
        else:
            self.server.taken[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()

    do_POST = do_PUT

    def _chunks(self) -> bytes:
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        return content

    def log_message(self, *_):
        """Say nothing."""


def test_tc_045_1_get_diagnostics(station):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    server.taken = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        since_s = time.time()
        location = f"http://127.0.0.1:{server.server_port}/"
        assert station.call("GetDiagnostics", location=location)["fileName"]

        def statuses():
            told = station.messages("DiagnosticsStatusNotification", since_s)
            return [message["status"] for message in told]

        until(lambda: statuses() == ["Uploading", "Uploaded"], "the upload")
        assert any(b"ocpp" in content for content in server.taken.values())
    finally:
        server.shutdown()
        server.server_close()


def test_tc_075_and_076_certificates(station):
    kind = {"certificateType": "ManufacturerRootCertificate"}
    text = Holder("Maker").certificate.public_bytes(Encoding.PEM).decode()
    assert station.call("InstallCertificate", certificate=text, **kind) == ACCEPTED
    (found,) = station.call("GetInstalledCertificateIds", **kind)["certificateHashData"]
    assert station.call("DeleteCertificate", certificateHashData=found) == ACCEPTED
    assert station.call("GetInstalledCertificateIds", **kind) == {"status": "NotFound"}


def test_tc_074_a_request_for_a_certificate(station):
    trigger = {"requestedMessage": "SignChargePointCertificate"}
    assert station.call("ExtendedTriggerMessage", **trigger) == ACCEPTED
    until(lambda: station.messages("SignCertificate"), "the request", 180)
    assert "BEGIN CERTIFICATE REQUEST" in station.messages("SignCertificate")[-1]["csr"]


def test_there_was_memory_for_all_of_it(station):
    assert "MemoryError" not in station.bench.console()
    assert "Traceback" not in station.bench.console()
