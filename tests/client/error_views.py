"""Everything that an error shows: its texts, the locals of the package's frames, and its pickle."""

import pickle
import traceback
from pathlib import Path

import modelgates_client

OURS = Path(modelgates_client.__file__).parent


def visible_texts(error):
    """Return every text in an error, and in the package's frames of its traceback."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts = [str(error), repr(error), repr(vars(error))]
    while report is not None:
        for frame in report.stack:
            if OURS in Path(frame.filename).parents:
                texts += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
        report = report.__cause__ or report.__context__
    return "\n".join(texts)


def assert_pickles(error):
    """Check that an error keeps its attributes when it is pickled."""
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin)) == (type(error), str(error))
    assert repr(vars(twin)) == repr(vars(error))
