"""All faults of all classes."""

from . import (
    compressor_faults,
    echo_faults,
    edge_faults,
    error_faults,
    framing_faults,
    head_faults,
    json_faults,
    network_faults,
    proxy_faults,
    retry_faults,
    reuse_faults,
    status_faults,
    tls_faults,
)

FAULTS = (
    *network_faults.FAULTS,
    *head_faults.FAULTS,
    *framing_faults.FAULTS,
    *status_faults.FAULTS,
    *reuse_faults.FAULTS,
    *tls_faults.CERTIFICATES,
    *tls_faults.FAULTS,
    *proxy_faults.FAULTS,
    *edge_faults.FAULTS,
    *error_faults.FAULTS,
    *retry_faults.FAULTS,
    *echo_faults.FAULTS,
    *compressor_faults.COMPRESSOR,
    *compressor_faults.SIZE,
    *json_faults.JSON,
    *json_faults.RECORD,
)
