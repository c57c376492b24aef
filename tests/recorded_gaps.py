"""The fields that the vendored spec requires and the recorded response lacks.

Each new version of the spec may add some.
"""

import json
from pathlib import Path

from modelgates_api.models import Generation

_RECORD = Path(__file__).parent / "records" / "2026-02-cancelled-stream.json"
_SENT = json.loads(_RECORD.read_bytes())["data"].keys()

#: The level of each missing field by its pointer, sorted by pointer. An attribute that is
#: nullable reads as None (a warning); another one cannot be read (breaking).
MISSING_FIELDS = {
    f"/data/{field.key}": "warning" if field.nullable else "breaking"
    for field in sorted(Generation.__schema__().fields.values(), key=lambda field: field.key)
    if field.required and field.key not in _SENT
}
#: The number of missing fields of each level.
MISSING_BREAKING = sum(level == "breaking" for level in MISSING_FIELDS.values())
MISSING_WARNING = len(MISSING_FIELDS) - MISSING_BREAKING
