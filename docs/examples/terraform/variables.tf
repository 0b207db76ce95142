variable "airbyte_api" {
  description = "The address of Airbyte's API, such as https://airbyte.example/api/public/v1"
  type        = string
}

variable "airbyte_workspace" {
  type = string
}

variable "airbyte_client_id" {
  type      = string
  sensitive = true
}

variable "airbyte_client_secret" {
  type      = string
  sensitive = true
}

variable "pigment_export_key" {
  type      = string
  sensitive = true
}

variable "pigment_metadata_key" {
  type      = string
  sensitive = true
}

variable "pigment_import_key" {
  type      = string
  sensitive = true
}
