"""The local Pigment as a server on a free port of this machine, and what a program needs to know to use it."""

from __future__ import annotations

import socket
import ssl
import tempfile
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from types import TracebackType
from typing import Any, Self

from local_pigment.certificates import make_certificates
from local_pigment.faults import Faults
from local_pigment.handlers import Handler, RequestSeen
from local_pigment.http1 import Http1Connection
from local_pigment.http2 import Http2Connection
from local_pigment.http_messages import Request, Response
from local_pigment.page import commands_page, page
from local_pigment.side_door import side_door
from local_pigment.workspace import Variants, Workspace


class LocalPigment:
    """Serves a workspace while its context lasts; leaving it fails when a queued fault was not met.

    `tls` serves HTTPS with HTTP/2 and HTTP/1.1 (`protocols` narrows that); otherwise plain HTTP/1.1.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        tls: bool = False,
        port: int = 0,
        protocols: tuple[str, ...] = ("h2", "http/1.1"),
    ) -> None:
        self.workspace = workspace
        # What the page shows for people to type.
        self.commands = ""
        self._handler = Handler(workspace)
        self._folder = tempfile.TemporaryDirectory(prefix="local-pigment-")
        self.ca_file: Path | None = None
        context = None
        if tls:
            self.ca_file, server_file = make_certificates(Path(self._folder.name))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server_file)
            context.set_alpn_protocols(list(protocols))
        self._server = Server(("127.0.0.1", port), self._site, context)
        self._server.variants = workspace.variants
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def requests(self) -> list[RequestSeen]:
        """The requests seen so far."""
        return self._handler.seen

    @property
    def faults(self) -> Faults:
        """Where faults are queued."""
        return self.workspace.faults

    def start(self) -> Self:
        """Serve until `stop`."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and remove what was written."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
        never_met = self.faults.never_met()
        if kind is None and never_met:
            raise AssertionError(f"faults that nothing met: {never_met}")

    def _site(self, request: Request) -> Response:
        if request.path == "/":
            return page(self.workspace, self.commands)
        if request.path == "/commands":
            return commands_page(self.commands)
        if request.path.startswith("/_test/"):
            return side_door(self._handler, request)
        return self._handler.respond(request)


class Server(ThreadingMixIn, TCPServer):
    """Accepts connections and gives each to a thread, which speaks what TLS agreed on."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: Any, context: ssl.SSLContext | None) -> None:
        self.site = site
        self.variants = Variants()
        self._context = context
        super().__init__(address, Http1Connection)

    @property
    def patience_seconds(self) -> float | None:
        """How long a client may take nothing of a response."""
        return self.variants.client_patience_seconds

    def finish_request(self, request: Any, client_address: Any) -> None:
        connection: socket.socket = request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            self._serve_tls(self._context, connection, client_address)
        else:
            Http1Connection(connection, client_address, self)

    def _serve_tls(self, context: ssl.SSLContext, connection: socket.socket, client_address: Any) -> None:
        try:
            secured = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        with secured:
            if secured.selected_alpn_protocol() == "h2":
                address = client_address[0]
                Http2Connection(secured, address, self.site, patience_seconds=self.patience_seconds).serve()
            else:
                Http1Connection(secured, client_address, self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that leaves is not an error here."""


def describe(pigment: LocalPigment) -> dict[str, Any]:
    """Address, certificate, keys, and the ids of everything by its name."""
    workspace = pigment.workspace
    applications = workspace.applications.values()
    return {
        "url": pigment.url,
        "ca_file": str(pigment.ca_file) if pigment.ca_file else None,
        "keys": {key.name: key.secret for key in workspace.keys},
        "applications": {each.name: each.id for each in applications},
        "blocks": {
            owner.name: {block.name: {"id": block.id, "type": block.type} for block in owner.blocks.values()}
            for owner in applications
        },
        "views": {view.name: view.id for owner in applications for view in owner.views.values()},
        "import_configurations": {each.name: each.id for each in workspace.configurations.values()},
    }
