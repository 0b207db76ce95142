"""The operations of the API: which paths lead to which, and what each does with a request that was let in."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP

from local_pigment import wire
from local_pigment.blocks import Application, Block, ListBlock, MetricBlock, TableBlock
from local_pigment.exports import BadRequest, csv_chunks, export_cells, export_list, format_of
from local_pigment.faults import FailImport, Fault, HoldImport, Misreport
from local_pigment.http_messages import Request, Response, as_json, problem
from local_pigment.imports import ImportConfiguration, ImportRun
from local_pigment.workspace import ApiKey, Workspace

_NEEDS_EXPORT, _NEEDS_METADATA, _NEEDS_IMPORT, _NEEDS_AUDIT = "Export", "Modeling Metadata", "Import", "Audit logs"


@dataclass(frozen=True, slots=True)
class Route:
    """An operation; `legacy` marks the unversioned paths, whose dates default to the old formats.

    What is not `described` is not in the public API description.
    """

    method: str
    path: str
    operation: str
    scope: str
    legacy: bool = False
    richer: bool = False
    described: bool = True

    def match(self, path: str) -> str | None:
        """The id in the path ("" where there is none), or None when the path is another's."""
        found = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", self.path), path)
        if found is None:
            return None
        return found[1] if found.groups() else ""


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/v1/applications", "list_applications", _NEEDS_METADATA),
    Route("GET", "/api/v1/blocks", "list_blocks", _NEEDS_METADATA),
    Route("GET", "/api/v1/views", "list_views", _NEEDS_METADATA),
    Route("GET", "/api/v1/importConfigurations", "list_import_configurations", _NEEDS_METADATA),
    Route("GET", "/api/v1/import/configurations", "list_import_configurations", _NEEDS_METADATA, richer=True),
    Route("POST", "/api/v1/export/list/{listId}", "export_list", _NEEDS_EXPORT),
    Route("POST", "/api/v1/export/metric/{metricId}", "export_metric", _NEEDS_EXPORT),
    Route("POST", "/api/v1/export/table/{tableId}", "export_table", _NEEDS_EXPORT),
    Route("GET", "/api/v1/export/view/{viewId}", "export_view", _NEEDS_EXPORT),
    Route("POST", "/api/export/list/{listId}", "export_list", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/export/metric/{metricId}", "export_metric", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/export/table/{tableId}", "export_table", _NEEDS_EXPORT, legacy=True),
    Route("GET", "/api/export/view/{viewId}", "export_view", _NEEDS_EXPORT, legacy=True),
    Route("POST", "/api/v1/import/push/csv", "push_csv", _NEEDS_IMPORT),
    Route("POST", "/api/import/push/csv", "push_csv", _NEEDS_IMPORT, legacy=True),
    Route("POST", "/api/v1/import/trigger", "trigger_import", _NEEDS_IMPORT),
    Route("GET", "/api/v1/import/{importId}/status", "import_status", _NEEDS_IMPORT),
    Route("GET", "/api/import/{importId}/status", "import_status", _NEEDS_IMPORT, legacy=True),
    Route("GET", "/api/audit/v1/events", "list_audit_events", _NEEDS_AUDIT, described=False),
)


def find_route(method: str, path: str) -> tuple[Route, str] | int:
    """The operation and the id in its path, or the status for what is not an operation (404, 405)."""
    known = False
    for route in ROUTES:
        subject = route.match(path)
        if subject is not None:
            known = True
            if route.method == method:
                return route, subject
    return 405 if known else 404


class NotThere(Exception):
    """404."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on its way; one method for each."""

    workspace: Workspace
    request: Request
    route: Route
    subject: str
    key: ApiKey
    body: bytes
    fault: Fault | None

    def run(self) -> Response:
        """Carry it out."""
        by_name: dict[str, Callable[[], Response]] = {
            "list_applications": self.list_applications,
            "list_blocks": self.list_blocks,
            "list_views": self.list_views,
            "list_import_configurations": self.list_import_configurations,
            "export_list": lambda: self.export("list"),
            "export_metric": lambda: self.export("metric"),
            "export_table": lambda: self.export("table"),
            "export_view": self.export_view,
            "push_csv": self.push_csv,
            "trigger_import": self.trigger_import,
            "import_status": self.import_status,
            "list_audit_events": self.list_audit_events,
        }
        return by_name[self.route.operation]()

    def list_applications(self) -> Response:
        return as_json([wire.application(each) for each in self._applications()])

    def list_blocks(self) -> Response:
        richer = self.workspace.variants.richer_metadata
        wanted = self._chosen_applications()
        return as_json([wire.block(each, richer=richer) for owner in wanted for each in self._blocks(owner)])

    def list_views(self) -> Response:
        block_id = self._uuid_in_query("blockId")
        return as_json(
            [
                wire.view(each)
                for owner in self._chosen_applications()
                for each in owner.views.values()
                if block_id in {None, each.block_id}
            ]
        )

    def list_import_configurations(self) -> Response:
        if self.route.richer and not self.workspace.variants.richer_metadata:
            raise NotThere
        block_id = self._uuid_in_query("blockId")
        return as_json(
            [
                wire.import_configuration(each, owner, richer=self.route.richer)
                for owner in self._chosen_applications()
                for each in self.workspace.configurations.values()
                if each.application_id == owner.id and block_id in {None, each.block_id}
            ]
        )

    def export(self, kind: str) -> Response:
        application, block = self._visible_block(_uuid(self.subject))
        asked = self._json_body()
        if not wire.is_valid_request(kind, asked, any_case=self.workspace.variants.kb_filter_words):
            raise BadRequest("body")
        expected = {"list": ListBlock, "metric": MetricBlock, "table": TableBlock}[kind]
        if not isinstance(block, expected):
            raise NotThere
        return self._csv(application, block, asked)

    def export_view(self) -> Response:
        view_id = _uuid(self.subject)
        query = self.request.query
        if query.get("fieldDelimiter", "Comma") not in {"Comma", "Semicolon"}:
            raise BadRequest("fieldDelimiter")
        if query.get("dateFormat", "Legacy") not in {"Legacy", "Iso8601"}:
            raise BadRequest("dateFormat")
        for application in self._applications():
            view = application.views.get(view_id)
            if view is None:
                continue
            block = application.blocks.get(view.block_id)
            if block is None:
                return problem(422, "The view's block cannot be exported")
            if view.too_big:
                return problem(413, "View is too big to be exported. Use block export API instead.")
            asked: dict[str, object] = {name: query[name] for name in ("fieldDelimiter", "dateFormat") if name in query}
            asked["friendlyHeaders"] = True
            return self._csv(application, block, asked)
        raise NotThere

    def push_csv(self) -> Response:
        configuration = self._configuration()
        if configuration.source is not None:
            raise BadRequest("the configuration takes no files")
        mode, dry_run = self.request.query.get("importMode"), self.request.query.get("dryRun", "false")
        if mode not in {None, "create", "update", "upsert"} or dry_run not in {"true", "false"}:
            raise BadRequest("importMode or dryRun")
        received = self._uploaded()
        if not received or len(received) > self.workspace.variants.largest_push_bytes:
            raise BadRequest("size limit exceeded" if received else "no file")
        if self.workspace.limits.take_import(configuration.id, self.workspace.clock()) is not None:
            return problem(429, "Maximum number of reports per configuration per hour exceeded, maximum: 300.")
        return self._begun(configuration, self._new_import(configuration.id, received))

    def trigger_import(self) -> Response:
        configuration = self._configuration()
        if configuration.source is None:
            raise BadRequest("unsupported operation type")
        return self._begun(configuration, self._new_import(configuration.id, b""))

    def _configuration(self) -> ImportConfiguration:
        """The import configuration that the query names."""
        configuration_id = self._uuid_in_query("configurationId")
        if configuration_id is None:
            raise BadRequest("configurationId")
        configuration = self.workspace.configurations.get(configuration_id)
        if configuration is None or configuration.application_id not in {each.id for each in self._applications()}:
            raise NotThere
        return configuration

    def _begun(self, configuration: ImportConfiguration, run: ImportRun) -> Response:
        self.workspace.begin(run)
        if self.workspace.variants.immediate_results:
            self.workspace.settle()
            application = self.workspace.applications[configuration.application_id]
            return as_json(wire.import_result(run, application.blocks[configuration.block_id]))
        return as_json({"importId": run.id})

    def _new_import(self, configuration_id: str, received: bytes) -> ImportRun:
        variants, query = self.workspace.variants, self.request.query
        dry_run = query.get("dryRun") == "true" and variants.knows_dry_run
        run = ImportRun(
            str(uuid.uuid4()),
            configuration_id,
            received,
            self.workspace.now(),
            dry_run,
            query.get("importMode"),
            self.key,
        )
        run.polls_left = 0 if variants.immediate_results else variants.polls_until_done
        run.held = isinstance(self.fault, HoldImport)
        if isinstance(self.fault, FailImport):
            run.failure, run.failure_named = "InternalError", self.fault.named
        if isinstance(self.fault, Misreport):
            run.misreport = self.fault
        return run

    def import_status(self) -> Response:
        run = self.workspace.imports.get(_uuid(self.subject))
        detailed = self.request.query.get("includedDetailedReport", "false").lower()
        if detailed not in {"true", "false"}:
            raise BadRequest("includedDetailedReport")
        if run is None:
            raise NotThere
        configuration = self.workspace.configurations[run.configuration_id]
        owner = self.workspace.applications[configuration.application_id]
        target, is_detailed = owner.blocks[configuration.block_id], detailed == "true" and not self.route.legacy
        response = as_json(wire.import_report(run, owner, target, detailed=is_detailed))
        if run.polls_left > 0:
            run.polls_left -= 1
            run.completed_at = self.workspace.now()
        return response

    def list_audit_events(self) -> Response:
        workspace = self.workspace
        names = workspace.variants.audit_names
        return as_json(workspace.audit.page(self.request.query, names, workspace.now(), workspace.clock()))

    def _csv(self, application: Application, block: Block, asked: dict[str, object]) -> Response:
        default = "Legacy" if self.route.legacy else "Iso8601"
        legacy = "ListLegacy" if isinstance(block, ListBlock) else "Legacy"
        form = format_of(asked, default_date_format=default, legacy=legacy)
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        if isinstance(block, ListBlock):
            if block.stream is not None:
                encoding = {"Content-Encoding": "gzip"} if block.is_gzip else {}
                return Response(200, block.stream(), headers | encoding)
            table = export_list(application, block, asked, self.key)
        else:
            table = export_cells(application, block, asked, self.key)
        return Response(200, csv_chunks(table, form), headers)

    def _applications(self) -> list[Application]:
        return [each for each in self.workspace.applications.values() if each.id not in self.key.hidden]

    def _chosen_applications(self) -> list[Application]:
        wanted = self._uuid_in_query("applicationId")
        return [each for each in self._applications() if wanted in {None, each.id}]

    def _blocks(self, owner: Application) -> list[Block]:
        return [each for each in owner.blocks.values() if each.id not in self.key.hidden]

    def _visible_block(self, block_id: str) -> tuple[Application, Block]:
        found = self.workspace.find(block_id)
        if found is None or {found[0].id, block_id} & self.key.hidden:
            raise NotThere
        return found

    def _uuid_in_query(self, name: str) -> str | None:
        text = self.request.query.get(name)
        return None if text is None else _uuid(text)

    def _json_body(self) -> dict[str, object]:
        media = self.request.headers.get("content-type", "").partition(";")[0].strip()
        if not media.endswith("json"):
            raise BadRequest("content type")
        try:
            parsed = json.loads(self.body)
        except ValueError:
            raise BadRequest("JSON") from None
        if not isinstance(parsed, dict):
            raise BadRequest("JSON")
        return parsed

    def _uploaded(self) -> bytes:
        media = self.request.headers.get("content-type", "")
        if not media.startswith("multipart/form-data"):
            if media.partition(";")[0].strip() not in {"text/csv", "application/octet-stream"}:
                raise BadRequest("content type")
            return self.body
        message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {media}\r\n\r\n".encode() + self.body)
        for part in message.iter_parts() if message.is_multipart() else ():
            if part.get_param("name", header="content-disposition") == "file":
                return _part_bytes(self.body, media)
        raise BadRequest("no part named file")


def _part_bytes(body: bytes, media: str) -> bytes:
    """The bytes of the first part, exactly: the standard library's parser would change line ends."""
    boundary = b"--" + media.partition("boundary=")[2].strip('"').encode()
    content = body.split(boundary, 2)[1].partition(b"\r\n\r\n")[2]
    return content.removesuffix(b"\r\n")


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else _reject_uuid()
    except ValueError:
        return _reject_uuid()


def _reject_uuid() -> str:
    raise BadRequest("not a UUID")
