"""Threads of the operating system, also where gevent has put something else in their place."""

import sys
import threading
from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> None:
    """Do something in a thread that no end of the program waits for.

    gevent and eventlet replace threads by what takes turns in one thread, in which there cannot be
    two event loops of asyncio. What gevent has put aside is used; with eventlet that does not do,
    for its locks are not for several threads.

    Raises:
        RuntimeError: None can be started: a limit is reached, or it is too late, or this is an
            isolated subinterpreter, or eventlet's.
    """
    start = _put_aside()
    if start is None:
        threading.Thread(target=work, name=name, daemon=True).start()
    else:
        start(work, ())


def are_replaced() -> bool:
    """Whether gevent or eventlet has put something else in the place of threads."""
    try:
        return _put_aside() is not None
    except RuntimeError:
        return True


def _put_aside() -> Callable[[Callable[[], None], tuple[()]], object] | None:
    """Return what starts a real thread, where `threading` does not."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return gevent.get_original("_thread", "start_new_thread")  # type: ignore[no-any-return]
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        raise RuntimeError("eventlet has replaced the threads")
    return None
