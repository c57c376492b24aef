"""What the maintainer's tools share.

`project` names the files and `documents` reads them, within the limits of `guard`; `toolchain`
checks what turns them into code and `lock` records it; `versions` are the specs that were vendored;
`effects` says what a change does to a client; `tree` compares and replaces directories; `failure`
is how any of them says no.
"""
