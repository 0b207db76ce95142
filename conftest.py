"""What holds for every test: no proxy for this machine, no deadline for an example, and the names of slow tests."""

from __future__ import annotations

import os

import hypothesis
import pytest

_LOOPBACK = "localhost,127.0.0.1,::1"
_SLOW_SECONDS = 10.0


def pytest_configure(config: pytest.Config) -> None:
    """A proxy of the environment cannot reach this machine; a test that wants one sets its own environment."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), _LOOPBACK]))
    # No test judges how long something takes: on a busy machine an example may well take longer than usual.
    hypothesis.settings.register_profile("no deadline", deadline=None)
    hypothesis.settings.load_profile("no deadline")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SlowTests(config))


class SlowTests:
    """Names each test that takes long when it ends, and at the end those that should be marked `long`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._unmarked: list[tuple[float, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or report.duration < _SLOW_SECONDS:
            return
        self._write(f"{report.duration:.0f} s  {report.nodeid}")
        if "long" not in report.keywords:
            self._unmarked.append((report.duration, report.nodeid))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self) -> None:
        if self._unmarked:
            self._write(f"Over {_SLOW_SECONDS:.0f} s and not marked long (CONTRIBUTING.md says when a test is):")
            for seconds, name in sorted(self._unmarked, reverse=True):
                self._write(f"  {seconds:.0f} s  {name}")

    def _write(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)
