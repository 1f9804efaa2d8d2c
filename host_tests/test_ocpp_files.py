"""GetDiagnostics and GetLog: logs go to HTTP and FTP servers, over real sockets in virtual time."""

import asyncio

import pytest
import virtual_time
from core import log
from file_servers import FtpServer, HttpServer, basic
from ocpp_rig import Rig


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def statuses(rig, action="DiagnosticsStatusNotification"):
    return [payload["status"] for payload in rig.record.received(action)]


async def until_told(rig, status, action="DiagnosticsStatusNotification"):
    await rig.until(lambda: statuses(rig, action)[-1:] == [status], 600)


def get_log(url, kind="SecurityLog", number=7, **rest):
    return {"logType": kind, "requestId": number, "log": {"remoteLocation": url}, **rest}


def test_diagnostics_are_put_into_the_directory_that_was_named(rig):
    async def story(rig):
        await rig.online()
        log.warning("test", "what was the matter")
        async with HttpServer() as server:
            answer = await rig.call("GetDiagnostics", location=server.url + "/for/us/")
            await until_told(rig, "Uploaded")
        name = answer["result"]["fileName"]
        assert name.startswith("diagnostics-CP_1_-20261118T") and name.endswith("Z.log")
        [(method, path, headers, body)] = server.requests
        assert (method, path) == ("PUT", "/for/us/" + name)
        assert headers["content-type"] == "text/plain"
        text = body.decode()
        assert "mpevse 0.1.0" in text and "what was the matter" in text
        assert '"status": "Available"' in text
        assert "SettingSystemTime" in text
        assert statuses(rig) == ["Uploading", "Uploaded"]
        assert not (rig.path / "upload").exists()

    rig.play(story)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/{name}"),
        ("/logs", "/logs/{name}"),
        ("/box/cp1.log", "/box/cp1.log"),
        ("/box?signature=a/b%2F", "/box?signature=a/b%2F"),
    ],
)
def test_an_address_is_a_directorys_or_a_files(rig, path, target):
    async def story(rig):
        await rig.online()
        async with HttpServer() as server:
            answer = await rig.call("GetDiagnostics", location=server.url + path)
            await until_told(rig, "Uploaded")
        assert server.requests[0][1] == target.format(name=answer["result"]["fileName"])

    rig.play(story)


def test_a_server_without_put_gets_a_form(rig):
    async def story(rig):
        await rig.online()
        async with HttpServer(405) as server:
            location = server.url.replace("://", "://us:se%40cret@") + "/upload"
            await rig.call("GetDiagnostics", location=location)
            await until_told(rig, "Uploaded")
        put, (method, path, headers, body) = server.requests
        assert (method, path) == ("POST", "/upload")
        assert headers["authorization"] == put[2]["authorization"] == basic("us", "se@cret")
        boundary = headers["content-type"].removeprefix("multipart/form-data; boundary=")
        first, content, last = body.decode().split("--" + boundary)
        assert not first and last == "--\r\n"
        assert 'name="file"; filename="diagnostics-' in content
        assert content.endswith(put[3].decode() + "\r\n")

    rig.play(story)


def test_ftp_takes_it_with_the_settings_login_and_through_a_router(rig):
    async def story(rig):
        rig.settings.change({"ftp_user": "me", "ftp_password": "mine"})
        await rig.online()
        async with FtpServer("me", "mine", ("logs/new",)) as server:
            location = f"ftp://127.0.0.1:{server.port}/logs/new"
            answer = await rig.call("GetDiagnostics", location=location)
            await until_told(rig, "Uploaded")
        [(path, content)] = server.files.items()
        assert path == "logs/new/" + answer["result"]["fileName"]
        assert content.startswith(b"# CP 1")
        assert server.commands[-1] == "QUIT"

    rig.play(story)


def test_an_ftp_address_may_name_the_file_and_the_login(rig):
    async def story(rig):
        await rig.online()
        async with FtpServer("them", "the:irs") as server:
            location = f"ftp://them:the%3Airs@127.0.0.1:{server.port}/logs/mine"
            await rig.call("GetDiagnostics", location=location)
            await until_told(rig, "Uploaded")
        assert list(server.files) == ["logs/mine"]

    rig.play(story)


def test_each_attempt_sends_the_same_and_the_last_failure_is_told(rig):
    async def story(rig):
        await rig.online()
        async with HttpServer(500, 503, 500) as server:
            started_us = virtual_time.clock.now_us
            await rig.call(
                "GetDiagnostics", location=server.url + "/x/", retries=2, retryInterval=40
            )
            await until_told(rig, "UploadFailed")
        bodies = [body for _, _, _, body in server.requests]
        assert len(bodies) == 3 and len(set(bodies)) == 1
        assert virtual_time.clock.now_us - started_us >= 80_000_000
        assert statuses(rig) == ["Uploading", "UploadFailed"]

    rig.play(story)


def test_without_retries_there_is_one_attempt_and_without_a_word_the_settings_count(rig):
    async def story(rig):
        rig.settings.change({"upload_retries": 1, "upload_interval": 5})
        await rig.online()
        async with HttpServer(500, 500, 500, 500) as server:
            await rig.call("GetDiagnostics", location=server.url, retries=0)
            await until_told(rig, "UploadFailed")
            assert len(server.requests) == 1
            await rig.call("GetDiagnostics", location=server.url)
            await rig.until(lambda: len(statuses(rig)) == 4)
            assert len(server.requests) == 3

    rig.play(story)


def test_pauses_between_attempts_are_a_second_at_least_and_a_day_at_most(rig):
    async def story(rig):
        await rig.online()
        for asked, kept in ((0, 1), (10**9, 86400)):
            url = "http://127.0.0.1:1/"
            await rig.call("GetDiagnostics", location=url, retries=1, retryInterval=asked)
            assert rig.point.works["log"].interval_s == kept

    rig.play(story)


def test_a_server_that_is_not_there_does_not_hold_anything_up(rig):
    async def story(rig):
        await rig.online()
        await rig.call("GetDiagnostics", location="ftp://127.0.0.1:1/x", retries=0)
        rig.charger.start("CARD")
        await rig.delivered()
        await until_told(rig, "UploadFailed")
        assert rig.record.transactions

    rig.play(story)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("gopher://127.0.0.1/x", "NotSupportedOperation"),
        ("C:", "BadMessage"),
        ("http://127.0.0.1:0/", "BadMessage"),
        ("ftp://127.0.0.1/%0d%0aDELE", "BadMessage"),
        ("http://127.0.0.1:1/", "UploadFailure"),
    ],
)
def test_getlog_tells_what_was_wrong(rig, url, status):
    async def story(rig):
        await rig.online()
        answer = await rig.call("GetLog", **get_log(url, retries=0))
        assert answer["result"]["status"] == "Accepted"
        await until_told(rig, status, "LogStatusNotification")
        told = rig.record.received("LogStatusNotification")
        assert [payload["requestId"] for payload in told] == [7, 7]

    rig.play(story)


@pytest.mark.parametrize("code", [401, 403])
def test_who_is_not_allowed_does_not_try_again(rig, code):
    async def story(rig):
        await rig.online()
        async with HttpServer(code) as server:
            await rig.call("GetLog", **get_log(server.url, retries=3))
            await until_told(rig, "PermissionDenied", "LogStatusNotification")
        assert len(server.requests) == 1

    rig.play(story)


def test_the_security_log_comes_with_the_span_that_was_asked_for(rig):
    async def story(rig):
        await rig.online()
        rig.point.security_event("TamperDetectionActivated", "lid")
        await asyncio.sleep(600)
        middle = rig.csms.now_text()
        rig.point.security_event("MemoryExhaustion")
        wanted = get_log("")
        async with HttpServer() as server:
            wanted["log"]["remoteLocation"] = server.url
            await rig.call("GetLog", **wanted)
            await until_told(rig, "Uploaded", "LogStatusNotification")
            await asyncio.sleep(2)  # both clocks tell whole seconds
            wanted["log"]["latestTimestamp"] = rig.csms.now_text()
            wanted["log"]["oldestTimestamp"] = middle
            await rig.call("GetLog", **wanted)
            await rig.until(lambda: len(server.requests) == 2)
        whole, part = [body.decode() for _, _, _, body in server.requests]
        assert "TamperDetectionActivated: lid" in whole and "MemoryExhaustion" in whole
        assert "Tamper" not in part and "MemoryExhaustion" in part

    rig.play(story)


def test_a_new_request_cancels_the_one_under_way(rig):
    async def story(rig):
        await rig.online()
        async with HttpServer(500) as server:
            first = get_log(server.url, number=1, retries=5, retryInterval=100)
            await rig.call("GetLog", **first)
            await rig.until(lambda: server.requests)
            answer = await rig.call("GetLog", **get_log(server.url, number=2))
            assert answer["result"]["status"] == "AcceptedCanceled"
            await until_told(rig, "Uploaded", "LogStatusNotification")
            await asyncio.sleep(600)
        told = rig.record.received("LogStatusNotification")
        assert [(p["requestId"], p["status"]) for p in told] == [
            (1, "Uploading"),
            (2, "Uploading"),
            (2, "Uploaded"),
        ]
        assert len(server.requests) == 2

    rig.play(story)


def test_the_state_is_told_on_request(rig):
    async def story(rig):
        await rig.online()
        trigger = {"requestedMessage": "LogStatusNotification"}
        assert await rig.call("ExtendedTriggerMessage", **trigger) == {
            "result": {"status": "Accepted"}
        }
        await rig.until(
            lambda: rig.record.received("LogStatusNotification") == [{"status": "Idle"}]
        )
        async with HttpServer(500) as server:
            await rig.call("GetLog", **get_log(server.url, retries=1, retryInterval=60))
            await rig.until(lambda: server.requests)
            await rig.call("ExtendedTriggerMessage", **trigger)
            await rig.until(lambda: len(statuses(rig, "LogStatusNotification")) == 3)
            last = rig.record.received("LogStatusNotification")[-1]
            assert last == {"status": "Uploading", "requestId": 7}

    rig.play(story)


def test_the_end_is_told_although_the_line_was_lost_meanwhile(rig):
    async def story(rig):
        await rig.online()
        async with HttpServer(500) as server:
            location = server.url + "/"
            await rig.call("GetDiagnostics", location=location, retries=1, retryInterval=20)
            await rig.until(lambda: server.requests)
            await rig.csms.stop()
            await asyncio.sleep(60)
            assert len(server.requests) == 2
            await rig.csms.start()
            await until_told(rig, "Uploaded")

    rig.play(story)
