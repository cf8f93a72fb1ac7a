"""Over OTLP/HTTP to the collector of the usual environment variables. No answer waits for it, and its troubles are one sentence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from copilot.agent.telemetry.otel import OtelTelemetry

FLUSH_SECONDS = 2.0  # at the end of a command, for all signals together: a collector near by takes milliseconds
UNDELIVERED = "Telemetry could not be delivered; check OTEL_EXPORTER_OTLP_ENDPOINT. The answers are not affected."
_COMMAND_LINE = "process.command"  # a detector that a user switched on may add it; it holds the question


class _Troubles(logging.Handler):
    """Takes what the SDK complains of: a person who asked about a cluster reads one sentence instead."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.any = False

    def emit(self, record: logging.LogRecord) -> None:
        """Remember that there was one."""
        del record
        self.any = True


class Delivery:
    """The three pipelines to one collector, and their end."""

    def __init__(self, *, content: bool) -> None:
        self._troubles = _Troubles()
        sdk = logging.getLogger("opentelemetry")
        if not sdk.handlers:
            sdk.addHandler(logging.NullHandler())  # for what is complained of after the end
        sdk.addHandler(self._troubles)
        sdk.propagate = False
        about = _resource(content=content)
        self.traces = TracerProvider(resource=about, shutdown_on_exit=False)
        self.traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self.metrics = MeterProvider([reader], resource=about, shutdown_on_exit=False)
        self.logs = LoggerProvider(resource=about, shutdown_on_exit=False)
        self.logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))

    def close(self) -> str:
        """Send what is left; whoever does not take it within seconds gets nothing more."""
        in_time = _all_within(FLUSH_SECONDS, (self.traces.shutdown, self.metrics.shutdown, self.logs.shutdown))
        troubled = self._troubles.any
        logging.getLogger("opentelemetry").removeHandler(self._troubles)
        return "" if in_time and not troubled else UNDELIVERED


def open_otel(*, content: bool) -> OtelTelemetry:
    """Telemetry to the collector that the environment names."""
    delivery = Delivery(content=content)
    return OtelTelemetry(delivery.traces, delivery.metrics, delivery.logs, content=content, end=delivery.close)


def _all_within(seconds: float, tasks: Sequence[Callable[[], object]]) -> bool:
    """Whether all ended in time; those that did not are left behind in threads that no exit waits for."""
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _resource(*, content: bool) -> Resource:
    """Who tells: the user's own name for it (OTEL_SERVICE_NAME), else the program's."""
    found = Resource.create()
    attributes = {key: value for key, value in found.attributes.items() if content or not key.startswith(_COMMAND_LINE)}
    if str(attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        attributes["service.name"] = "cluster-copilot"
    return Resource(attributes, found.schema_url)
