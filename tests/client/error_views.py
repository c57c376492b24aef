"""What errors show: in their texts, in the locals of the package's frames, and when pickled."""

import pickle
import traceback
from pathlib import Path

import modelgates_client

OURS = Path(modelgates_client.__file__).parent


def shown(error):
    """Return every text in which an error, or a frame of the package, could show something."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts = [str(error), repr(error), repr(vars(error))]
    while report is not None:
        for frame in report.stack:
            if OURS in Path(frame.filename).parents:
                texts += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
        report = report.__cause__ or report.__context__
    return "\n".join(texts)


def assert_twin(error):
    """Fail unless an error survives pickling whole."""
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin)) == (type(error), str(error))
    assert repr(vars(twin)) == repr(vars(error))
