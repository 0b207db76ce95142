"""The model as data: applications, blocks, views and import configurations, each kind a stream."""
