"""A bucket on this machine: an S3 server that is not ours (rclone), which checks signatures, with faults before it."""
