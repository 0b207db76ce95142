"""Create both connectors, a source, a destination and a connection through Airbyte's API, and print the connection."""

import json
import os
from pathlib import Path
from urllib.request import Request, urlopen

API = os.environ["AIRBYTE_API"]  # such as https://airbyte.example/api/public/v1
WORKSPACE = os.environ["AIRBYTE_WORKSPACE"]
IMAGES = os.environ.get("IMAGES", "registry.example/acme")
TAG = os.environ.get("TAG", "0.1.0")
CONFIGURATIONS = Path(__file__).parent.parent / "configurations"
KEYS = {
    "export_api_key": "PIGMENT_EXPORT_KEY",
    "metadata_api_key": "PIGMENT_METADATA_KEY",
    "import_api_key": "PIGMENT_IMPORT_KEY",
}


def post(path: str, headers: dict[str, str], **body: object) -> dict[str, str]:
    """Send a request to Airbyte's API and return its answer."""
    request = Request(API + path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urlopen(request, timeout=300) as response:
        return json.load(response)


def configuration(name: str) -> dict[str, object]:
    """A configuration of this folder, with the keys from the environment."""
    config = json.loads((CONFIGURATIONS / name).read_text(encoding="utf-8"))
    given = {key: os.environ[variable] for key, variable in KEYS.items() if key in config["credentials"]}
    return {**config, "credentials": {**config["credentials"], **given}}


def create(kind: str, headers: dict[str, str]) -> str:
    """Create the connector and a source or destination that uses it; returns its ID."""
    definition = post(
        f"/workspaces/{WORKSPACE}/definitions/{kind}s",
        headers,
        name="Pigment",
        dockerRepository=f"{IMAGES}/{kind}-pigment",
        dockerImageTag=TAG,
    )
    created = post(
        f"/{kind}s",
        headers,
        name="Pigment",
        workspaceId=WORKSPACE,
        definitionId=definition["id"],
        configuration=configuration(f"{kind}-separate-keys.json"),
    )
    return created[f"{kind}Id"]


token = post(
    "/applications/token",
    {},
    client_id=os.environ["AIRBYTE_CLIENT_ID"],
    client_secret=os.environ["AIRBYTE_CLIENT_SECRET"],
)
authorization = {"Authorization": f"Bearer {token['access_token']}"}
connection = post(
    "/connections",
    authorization,
    name="Planning to Consolidation",
    sourceId=create("source", authorization),
    destinationId=create("destination", authorization),
    configurations={
        "streams": [
            {"name": "Departments", "syncMode": "full_refresh_overwrite"},
            {"name": "General Ledger", "syncMode": "full_refresh_overwrite"},
        ]
    },
    schedule={"scheduleType": "manual"},
)
print(connection["connectionId"])
