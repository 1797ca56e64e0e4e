"""OpenTelemetry's own launcher traces the receiver, and leaves out what the operator excludes."""

import sys
from pathlib import Path

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.bare_server import Heard, Server, answer, saying, serving
from tests.support.processes import Running, Sender, Site
from tests.support.rig import eventually

TOKEN = "a-token-in-the-path"


def spans(taken: list[Heard]) -> list[Span]:
    """What the collector was sent."""
    found = []
    for one in taken:
        for resource in ExportTraceServiceRequest.FromString(one.body).resource_spans:
            found += [span for scope in resource.scope_spans for span in scope.spans]
    return found


def traced(site: Site, collector: Server) -> Running:
    """``opentelemetry-instrument receiver web``, as docs/operating.md says."""
    launcher = Path(sys.executable).with_name("opentelemetry-instrument")
    receiver = Path(sys.executable).with_name("receiver")
    site.running.append(
        Running(
            [str(launcher), str(receiver), "web", "--processes", "1", "--bind", "127.0.0.1:0"],
            site.folder / "traced.log",
            RECEIVER_CONFIG=str(site.config),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
            OTEL_SERVICE_NAME="receiver-of-luxstore",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_BSP_SCHEDULE_DELAY="100",
            OTEL_PYTHON_FLASK_EXCLUDED_URLS="webhooks/frenet",
        )
    )
    return site.running[-1]


def test_traced(tmp_path: Path) -> None:
    """A webhook is a span with its route and status, sent to the collector; a URL that holds a secret is left out."""
    with serving(saying(answer())) as collector, Site(tmp_path, f"sqlite:///{tmp_path}/receiver.db") as site:
        with site.config.open("a") as settings:
            settings.write(f'[endpoints.frenet]\nsecrets = ["{TOKEN}"]\nauth = {{ scheme = "path" }}\n')
        web = traced(site, collector)
        sender = Sender(web.url)
        assert 401 != requests.post(f"{web.url}/webhooks/frenet/{TOKEN}", json={"no": "event"}, timeout=60).status_code
        assert 200 == sender.post(1)
        eventually(lambda: spans(collector.heard))

        [span] = spans(collector.heard)
        said = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
        assert ("/v1/traces", "POST /webhooks/<name>") == (collector.heard[0].target, span.name)
        assert (200, "/webhooks/<name>") == (said["http.status_code"], said["http.route"])
        assert b"receiver-of-luxstore" in collector.heard[0].body
        assert TOKEN.encode() not in b"".join(one.body for one in collector.heard)
        assert [] == web.disorder
