"""The package's log. Importing `logging` is slow, so it is imported with the first client."""

from functools import cache
from typing import TYPE_CHECKING, Final
from warnings import warn

if TYPE_CHECKING:
    import logging

_INFO: Final = 20  # `logging.INFO`
_LEVELS: Final = ("debug", "info", "warning", "error")


@cache
def logger() -> "logging.Logger":
    """Return the package's logger."""
    import logging  # noqa: PLC0415 - slow

    logger = logging.getLogger("modelgates_client")
    logger.addHandler(logging.NullHandler())  # a library's log is shown only if configured
    return logger


@cache
def outages_logger() -> "logging.Logger":
    """Return the logger of outages, which is separate, so that the command always shows it."""
    return logger().getChild("outages")


def is_info_logged() -> bool:
    """Whether lines of level INFO are logged."""
    return logger().isEnabledFor(_INFO)


def enable_logging(level: str) -> None:
    """Log to stderr from a level upward, unless the program has configured logging.

    Args:
        level: The value of the variable `MODELGATES_LOG`: debug, info, warning or error.
    """
    import logging  # noqa: PLC0415 - slow

    if level.lower() not in _LEVELS:
        message = f"MODELGATES_LOG is {level!r}; expected one of {', '.join(_LEVELS)}, or nothing"
        warn(message, stacklevel=5)  # the caller that creates the client
    elif logger().level == logging.NOTSET:
        logging.basicConfig(format="[%(asctime)s - %(name)s - %(levelname)s] %(message)s")
        logger().setLevel(level.upper())
