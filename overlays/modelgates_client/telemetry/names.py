"""The names in use, with the version of OpenTelemetry's semantic conventions that added them.

| name                               | kind                       | since                    |
|------------------------------------|----------------------------|--------------------------|
| `gen_ai.response.id`               | attribute of spans         | 1.26.0                   |
| `gen_ai.client.token.usage`        | histogram, tokens          | 1.27.0                   |
| `gen_ai.client.operation.duration` | histogram, seconds         | 1.27.0                   |
| `gen_ai.token.type`                | attribute of the first     | 1.27.0                   |
| `gen_ai.operation.name`            | attribute                  | 1.27.0                   |
| `gen_ai.request.model`             | attribute                  | 1.26.0                   |
| `gen_ai.response.model`            | attribute                  | 1.26.0                   |
| `gen_ai.provider.name`             | attribute                  | 1.37.0 (`gen_ai.system`) |
| `error.type`                       | attribute                  | 1.23.0                   |
| `modelgates.cost`                  | counter, US dollars        | ours: none is released   |
| `modelgates.cost.refunded`         | counter, US dollars        | ours                     |
| `modelgates.cost.unknown`          | counter, generations       | ours                     |
| `modelgates.cost.payer`            | attribute of these         | ours                     |
| `modelgates.service_tier`          | attribute                  | ours                     |
| `modelgates.label.NAME`            | attribute, for each label  | ours                     |

1.41.0 is the last version of the conventions that has both metrics. Version 0.1.0 of their new
repository, open-telemetry/semantic-conventions-genai, calls them
`gen_ai.client.inference.duration` and `gen_ai.client.inference.operation.input_tokens` and
`….output_tokens`, without `gen_ai.token.type`; all of it is in development. Instrumentations and
dashboards know the names above.
"""

from typing import Final

RESPONSE_ID: Final = "gen_ai.response.id"

TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 - no secret
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
COST: Final = "modelgates.cost"
REFUNDED: Final = "modelgates.cost.refunded"
UNKNOWN_COST: Final = "modelgates.cost.unknown"

TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - no secret
OPERATION_NAME: Final = "gen_ai.operation.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
PROVIDER_NAME: Final = "gen_ai.provider.name"
ERROR_TYPE: Final = "error.type"
COST_PAYER: Final = "modelgates.cost.payer"
SERVICE_TIER: Final = "modelgates.service_tier"
LABEL: Final = "modelgates.label."
