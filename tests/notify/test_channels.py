"""Messages over real channels: a mail server, an HTTP receiver and Apprise, all on loopback."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters._signatures import StandardWebhooks
from receiver.notify.channels import Channel, NotSent, open_channels
from tests.support.configs import config, faults
from tests.support.mail_server import MailServer, certificate
from tests.support.rig import NOON
from tests.support.taker import SECRET, Taker

MESSAGE = {
    "kind": "opened",
    "cause": "held",
    "subject": "lux",
    "severity": "warning",
    "title": "7 shipments are held, account lux",
    "lines": ["TN1BR, order 1-01: ambiguous_invoice. receiver assign TN1BR --order 1-01 --invoice A   (or B)"],
    "command": "receiver shipments --state held",
    "count": 7,
    "since": NOON - 60,
}


@pytest.fixture
def taker() -> Iterator[Taker]:
    made = Taker()
    yield made
    made.server.stop()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def channel(**settings) -> Channel:
    """The one channel of the settings."""
    (only,) = open_channels(config(notify=settings).notify).values()
    return only


class TestMail:
    def test_content(self, mail: MailServer) -> None:
        """A mail says what happened, to which parcels, since when, what to do, and where to look."""
        channel(smtp=mail.settings, link="https://receiver.shop.example/").send("m1", MESSAGE, at=NOON)

        [got] = mail.mails
        assert "[receiver] warning: 7 shipments are held, account lux" == got["Subject"]
        assert ("receiver@shop.example", "ana@shop.example, rui@shop.example") == (got["From"], got["To"])
        assert ("<m1@shop.example>", "auto-generated") == (got["Message-ID"], got["Auto-Submitted"])
        assert [
            "7 shipments are held, account lux, since 2026-11-18T11:05:40Z",
            "",
            f"- {MESSAGE['lines'][0]}",
            "- and 6 more",
            "",
            "What to do: receiver shipments --state held",
            "",
            "https://receiver.shop.example/",
        ] == got.get_content().splitlines()

    def test_subject(self, mail: MailServer) -> None:
        """A line break in a title cannot add a header."""
        channel(smtp=mail.settings).send("m1", {**MESSAGE, "title": "a\r\nBcc: eve@evil.example"}, at=NOON)

        assert mail.mails[0]["Bcc"] is None

    def test_starttls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The password travels under TLS, and only to a server whose certificate is trusted."""
        tls, trusted = certificate(tmp_path)
        with MailServer(tls=tls, login=("ana", "hush")) as server:
            settings = {**server.settings, "security": "starttls", "user": "ana", "password": "hush"}
            with pytest.raises(NotSent, match="certificate"):
                channel(smtp=settings).send("m1", MESSAGE, at=NOON)
            assert [] == server.mails
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            channel(smtp=settings).send("m1", MESSAGE, at=NOON)
            assert 1 == len(server.mails)

    def test_refused(self, mail: MailServer) -> None:
        """A refusal is told with the server's status, without its words: they may quote a login."""
        mail.refuses = "550 hush-hush unknown"

        with pytest.raises(NotSent, match=r"^all of 2 addresses refused$"):
            channel(smtp=mail.settings).send("m1", MESSAGE, at=NOON)

    def test_refused_for_one(self, mail: MailServer, caplog: pytest.LogCaptureFixture) -> None:
        """What one of two addresses does not take was sent: the other one gets it once."""
        mail.refuses, mail.refused = "550 unknown", {"rui@shop.example"}
        channel(smtp=mail.settings).send("m1", MESSAGE, at=NOON)

        assert (1, ["notification refused for some addresses: refused=1 of=2"]) == (len(mail.mails), caplog.messages)

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on loopback, to see what is told
    def test_password_beyond_ascii(self) -> None:
        """A password that Python's mail client cannot send, and that came past the check of the settings, is told as
        what it is."""
        with MailServer(login=("ana", "hush")) as server:
            notify = config(notify={"smtp": {**server.settings, "user": "ana", "password": "senha"}}).notify
            assert notify.smtp is not None
            (mail,) = open_channels(replace(notify, smtp=replace(notify.smtp, password="senha-açaí"))).values()
            with pytest.raises(NotSent, match="ASCII letters only"):
                mail.send("m1", MESSAGE, at=NOON)

    @pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on loopback, to see what is told
    def test_login_refused(self) -> None:
        """A password that is not taken is told, and not shown."""
        with MailServer(login=("ana", "hush")) as server:
            settings = {**server.settings, "user": "ana", "password": "wrong-hush"}
            with pytest.raises(NotSent, match=r"^SMTPAuthenticationError: 535$"):
                channel(smtp=settings).send("m1", MESSAGE, at=NOON)

    def test_away(self) -> None:
        """A server that is not there is told."""
        settings = {"server": "127.0.0.1:1", "security": "none", "from": "a@b.example", "to": "c@d.example"}

        with pytest.raises(NotSent, match="refused"):
            channel(smtp=settings).send("m1", MESSAGE, at=NOON)


class TestWebhook:
    def test_signed(self, taker: Taker) -> None:
        """A webhook is signed as Standard Webhooks say, and its id stays the same when it is tried again."""
        channel(webhook={"url": f"{taker.server.url}/alerts?a=b", "secret": SECRET}).send("m1", MESSAGE, at=NOON)

        [got] = taker.got
        StandardWebhooks().check(got, [SECRET])
        assert ("m1", "application/json") == (got.headers["webhook-id"], got.headers["content-type"])
        body = json.loads(got.body)
        assert ("receiver.held.opened", "2026-11-18T11:06:40Z") == (body["type"], body["timestamp"])
        assert {**MESSAGE, "since": "2026-11-18T11:05:40Z"} == body["data"]

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_refused(self, taker: Taker, status: int) -> None:
        """Only 2xx is a success."""
        taker.status = status

        with pytest.raises(NotSent, match=rf"^HTTP {status}$"):
            channel(webhook={"url": f"{taker.server.url}/alerts", "secret": SECRET}).send("m1", MESSAGE, at=NOON)

    def test_away(self) -> None:
        """A server that is not there is told."""
        with pytest.raises(NotSent, match="connection failed"):
            channel(webhook={"url": "http://127.0.0.1:1/", "secret": SECRET}).send("m1", MESSAGE, at=NOON)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own
class TestApprise:
    def test_sent(self, taker: Taker) -> None:
        """Apprise gets the same title and text."""
        channel(urls=[f"json://{taker.server.url.removeprefix('http://')}/chat"]).send("m1", MESSAGE, at=NOON)

        [got] = taker.got
        body = json.loads(got.body)
        assert "[receiver] warning: 7 shipments are held, account lux" == body["title"]
        assert "What to do: receiver shipments --state held" in body["message"]

    def test_plain_text(self, taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a stranger sent is text, not markup: Telegram takes HTML, and refuses a message with an unknown tag."""
        from apprise.plugins.telegram import NotifyTelegram  # noqa: PLC0415  slow to import

        monkeypatch.setattr(NotifyTelegram, "notify_url", f"{taker.server.url}/bot")
        message = {**MESSAGE, "lines": ["/webhooks/melhor-envio<x>&<b>, POST, once"]}
        channel(urls=["tgram://123456789:abcdefg_hijklmnop/12315544/"]).send("m1", message, at=NOON)

        sent = json.loads(taker.got[-1].body)
        assert "HTML" == sent["parse_mode"]
        assert "/webhooks/melhor-envio&lt;x&gt;&amp;&lt;b&gt;, POST, once" in sent["text"]

    @pytest.mark.parametrize("url", ["nosuch://x", "json://127.0.0.1:1/hush-hush"])
    def test_refused(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        """What is not taken is told, without the URL: it holds a secret, and no log has it."""
        with pytest.raises(NotSent) as refusal:
            channel(urls=[url]).send("m1", MESSAGE, at=NOON)
        assert "hush" not in str(refusal.value) + caplog.text


def test_defaults() -> None:
    """Without the table there is no channel."""
    assert () == config().notify.channels


def test_faults() -> None:
    """Each fault of the table is named."""
    smtp = {"server": "mail.example:x", "security": "none", "user": "u", "password": "p", "from": "nobody", "to": []}
    webhook = {"url": "http://elsewhere.example/", "secret": "whsec_short"}
    found = faults(
        notify={
            "smtp": smtp,
            "webhook": webhook,
            "digest_at": "25:00",
            "repeat_hours": 0,
            "quiet_hours": "22:00",
            "colour": 1,
        }
    )

    assert [
        "notify.colour: is not a setting",
        "notify.digest_at: '25:00' is no time of day, such as 08:00",
        "notify.quiet_hours: '22:00' is no part of the day, such as 22:00-07:00",
        "notify.repeat_hours: must be a number of at least 0.1",
        "notify.smtp.from: 'nobody' is no mail address",
        "notify.smtp.security: must be starttls or tls: a password is sent",
        "notify.smtp.server: 'mail.example:x' is not HOST or HOST:PORT",
        "notify.smtp.to: must be a non-empty text or a list of them",
        "notify.webhook.secret: must be whsec_ and at least 24 bytes in base64, as Standard Webhooks write it",
        "notify.webhook.url: must be https (http only to this machine)",
    ] == sorted(found)


@pytest.mark.parametrize(("user", "password", "wrong"), [("u", "señal", "password"), ("ñandú", "p", "user")])
def test_credentials_beyond_ascii(user: str, password: str, wrong: str) -> None:
    """What the mail client cannot send is a fault of the settings: a message that is never sent tells nothing."""
    smtp = {"server": "mail.example", "user": user, "password": password, "from": "a@b.example", "to": "c@d.example"}

    assert [f"notify.smtp.{wrong}: may have ASCII letters only: Python's mail client sends no others"] == faults(
        notify={"smtp": smtp}
    )


def test_secrets_hidden() -> None:
    """No secret stands in what the settings look like."""
    smtp = {"server": "127.0.0.1", "user": "u", "password": "hush", "from": "a@b.example", "to": "c@d.example"}
    made = config(
        notify={"smtp": smtp, "webhook": {"url": "https://x.example", "secret": SECRET}, "urls": "json://hush"}
    )

    assert "hush" not in repr(made)
    assert SECRET not in repr(made)
