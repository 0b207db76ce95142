"""What the form asks about the bucket; properties as Airbyte's destinations for data activation have them."""

from __future__ import annotations

from typing import Any


def bucket_spec(*, group: str, order: int) -> dict[str, Any]:
    """The property `object_storage_config`; the platform's link to rejected rows reads it by this name."""
    return {
        "type": "object",
        "title": "Storage of rejected rows",
        "description": (
            "Where rows that were rejected are written, each with the reason, so that people can open them. They are "
            "there before the sync counts them."
        ),
        "oneOf": [
            {
                "title": "None",
                "description": "Rejected rows are counted and explained in the log, and not kept.",
                "required": ["storage_type"],
                "properties": {"storage_type": {"type": "string", "const": "None", "default": "None", "order": 0}},
            },
            {
                "title": "S3",
                "description": "A bucket of your own in Amazon S3, or in storage that speaks the same language.",
                "required": ["storage_type", "s3_bucket_name", "s3_bucket_region", "bucket_path"],
                "properties": {"storage_type": {"type": "string", "const": "S3", "default": "S3", "order": 0}, **_S3},
            },
        ],
        "always_show": True,
        "group": group,
        "order": order,
    }


_S3: dict[str, Any] = {
    "s3_bucket_name": {
        "type": "string",
        "title": "S3 bucket name",
        "description": "The name alone, without s3:// and without a path.",
        "pattern": r"^\s*[A-Za-z0-9][A-Za-z0-9._-]{1,254}\s*$",
        "pattern_descriptor": "the name of a bucket, without s3:// and path",
        "examples": ["finance-rejected-rows"],
        "order": 1,
    },
    "s3_bucket_region": {
        "type": "string",
        "title": "S3 bucket region",
        "description": "The region in which the bucket is.",
        "pattern": r"^\s*[A-Za-z0-9-]{1,64}\s*$",
        "pattern_descriptor": "a region such as eu-west-1",
        "examples": ["eu-west-1", "us-east-1"],
        "order": 2,
    },
    "bucket_path": {
        "type": "string",
        "title": "Path in the bucket",
        "description": "The folder in which everything is written; a folder for each sync comes below it.",
        "examples": ["pigment/rejected"],
        "order": 3,
    },
    "access_key_id": {
        "type": "string",
        "title": "Access key ID",
        "description": (
            "A key that may write and delete below that path. Leave both fields of the key empty where the connector "
            "runs in AWS with a role that may."
        ),
        "examples": ["A012345678910EXAMPLE"],
        "airbyte_secret": True,
        "always_show": True,
        "order": 4,
    },
    "secret_access_key": {
        "type": "string",
        "title": "Secret access key",
        "description": "The secret that belongs to the access key.",
        "airbyte_secret": True,
        "always_show": True,
        "order": 5,
    },
    "role_arn": {
        "type": "string",
        "title": "Role ARN",
        "description": (
            "A role to assume before writing, with the key above or with what the connector is known as in AWS."
        ),
        "pattern": r"^\s*(arn:[a-z0-9-]+:iam::\d{12}:role/\S+)?\s*$",
        "pattern_descriptor": "the ARN of a role",
        "examples": ["arn:aws:iam::123456789012:role/rejected-rows"],
        "order": 6,
    },
    "s3_endpoint": {
        "type": "string",
        "title": "S3 endpoint",
        "description": "Only for storage that is not Amazon's: its address.",
        "examples": ["https://s3.example.com"],
        "order": 7,
    },
}
