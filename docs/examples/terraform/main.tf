terraform {
  required_providers {
    airbyte = {
      source  = "airbytehq/airbyte"
      version = "~> 1.0"
    }
  }
}

provider "airbyte" {
  server_url    = var.airbyte_api
  client_id     = var.airbyte_client_id
  client_secret = var.airbyte_client_secret
  token_url     = "${var.airbyte_api}/applications/token"
}

resource "airbyte_source_definition" "pigment" {
  workspace_id      = var.airbyte_workspace
  name              = "Pigment"
  docker_repository = "registry.example/acme/source-pigment"
  docker_image_tag  = "0.1.0"
}

resource "airbyte_destination_definition" "pigment" {
  workspace_id      = var.airbyte_workspace
  name              = "Pigment"
  docker_repository = "registry.example/acme/destination-pigment"
  docker_image_tag  = "0.1.0"
}

resource "airbyte_source" "planning" {
  workspace_id  = var.airbyte_workspace
  name          = "Planning"
  definition_id = airbyte_source_definition.pigment.id
  configuration = jsonencode({
    credentials = {
      auth_type        = "separate_keys"
      export_api_key   = var.pigment_export_key
      metadata_api_key = var.pigment_metadata_key
    }
    application_id = "33d0d7d0-6125-47c4-b36a-882f4ed53b33"
    block_types    = ["list"]
    include        = ["Departments", "General Ledger"]
  })
}

resource "airbyte_destination" "consolidation" {
  workspace_id  = var.airbyte_workspace
  name          = "Consolidation"
  definition_id = airbyte_destination_definition.pigment.id
  configuration = jsonencode({
    credentials = {
      auth_type        = "separate_keys"
      import_api_key   = var.pigment_import_key
      metadata_api_key = var.pigment_metadata_key
      export_api_key   = var.pigment_export_key
    }
    application_id = "44d0d7d0-6125-47c4-b36a-882f4ed53b44"
    targets = [
      {
        stream                  = "Departments"
        import_configuration_id = "Departments (replace)"
        clears_before_import    = true
        load_order              = 1
      },
      {
        stream                  = "General Ledger"
        import_configuration_id = "General Ledger (replace)"
        clears_before_import    = true
        load_order              = 2
        minimum_rows            = 1
      },
    ]
  })
}

resource "airbyte_connection" "planning_to_consolidation" {
  name           = "Planning to Consolidation"
  source_id      = airbyte_source.planning.source_id
  destination_id = airbyte_destination.consolidation.destination_id
  configurations = {
    streams = [
      { name = "Departments", sync_mode = "full_refresh_overwrite" },
      { name = "General Ledger", sync_mode = "full_refresh_overwrite" },
    ]
  }
  schedule = { schedule_type = "manual" }
}
