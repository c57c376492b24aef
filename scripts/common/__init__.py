"""Code that the maintainer's tools share.

`project` names the files and `documents` reads them, within the limits of `guard`; `toolchain`
checks what turns them into code and `lock` records it; `versions` are the vendored specs;
`effects` are what a change does to a client; `tree` compares and replaces directories;
`tool_errors` has the error of all of them, and their output.
"""
