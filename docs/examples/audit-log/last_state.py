"""Read what the destination printed, and print the last state in it, with which the next sync begins."""

import json
import sys

states = [message["state"] for line in sys.stdin if (message := json.loads(line))["type"] == "STATE"]
print(json.dumps(states[-1:]))
