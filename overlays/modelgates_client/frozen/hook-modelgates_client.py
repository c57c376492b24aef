"""The page's files, what the package loads by its name, and what unpacks files."""

from PyInstaller.utils.hooks import collect_data_files

import modelgates_client

datas = collect_data_files("modelgates_client", excludes=["frozen/*"])
homes = set(modelgates_client._HOMES.values())  # pyright: ignore[reportPrivateUsage] # as above
hiddenimports = [*sorted(homes), "bz2", "gzip", "lzma"]
