"""`python -m modelgates_client`: the command `modelgates`, for when it is not on the PATH."""

import sys

from modelgates_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
