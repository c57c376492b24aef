"""Operating system threads, even if gevent has patched `threading`."""

import sys
import threading
from collections.abc import Callable


def start_thread(work: Callable[[], None], name: str) -> None:
    """Run a function in a daemon thread of the operating system.

    gevent and eventlet replace threads by greenlets of one thread, which cannot run two event loops
    of asyncio. Under gevent, the original function that it saved starts the thread. Under eventlet
    that does not work: its locks are not safe between threads.

    Raises:
        RuntimeError: No thread can be started: a limit is reached, the interpreter is shutting
            down, this is an isolated subinterpreter, or eventlet has patched `threading`.
    """
    start = _original_start()
    if start is None:
        threading.Thread(target=work, name=name, daemon=True).start()
    else:
        start(work, ())


def are_threads_patched() -> bool:
    """Whether gevent or eventlet has replaced threads."""
    try:
        return _original_start() is not None
    except RuntimeError:
        return True


def _original_start() -> Callable[[Callable[[], None], tuple[()]], object] | None:
    """Return the function that starts a real thread if `threading` is patched; otherwise None."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return gevent.get_original("_thread", "start_new_thread")  # type: ignore[no-any-return]
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        raise RuntimeError("eventlet has replaced the threads")
    return None
