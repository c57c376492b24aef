"""`python -m modelgates_client`: the command `modelgates`, where it is not on the path."""

import sys

from modelgates_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
