"""From the vendored spec to the generated package, in steps that each can be read alone.

`project` names the files and `documents` reads them, within the limits of `guard`; `toolchain`
checks what turns them into code; `overlay`, `discriminators` and `enum_names` prepare the document;
`generator` runs openapi-python-client, with its `corrections` between parsing and rendering; `tree`
compares and replaces the result; `lock` records what it was made of. `failure` is how any of them
says no.
"""
