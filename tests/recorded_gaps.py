"""What the recorded response lacks of what the vendored spec requires: more with every version."""

import json
from pathlib import Path

from modelgates_api.models import Generation

_RECORD = Path(__file__).parent / "records" / "2026-02-cancelled-stream.json"
_SENT = json.loads(_RECORD.read_bytes())["data"].keys()

#: By the pointer into the body, in the order of pointers: how bad it is. An attribute that may be
#: null reads as None, another one cannot be read.
MISSING_FIELDS = {
    f"/data/{field.key}": "warning" if field.nullable else "breaking"
    for field in sorted(Generation.__schema__().fields.values(), key=lambda field: field.key)
    if field.required and field.key not in _SENT
}
#: How many of them there are, by that.
MISSING_BREAKING = sum(level == "breaking" for level in MISSING_FIELDS.values())
MISSING_WARNING = len(MISSING_FIELDS) - MISSING_BREAKING
