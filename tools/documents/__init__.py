"""Documents that are made from the code: each connector's metadata, field tables, and pictures of the forms."""
