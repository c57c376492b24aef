"""The driver that a ledger is read by: a library beside the module, and a file that it reads."""

from PyInstaller.utils.hooks import collect_data_files, collect_dynamic_libs

binaries = collect_dynamic_libs("adbc_driver_sqlite")
datas = collect_data_files(
    "adbc_driver_sqlite", include_py_files=True, includes=["_static_version.py"]
)
