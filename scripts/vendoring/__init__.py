"""Takes an untrusted source to the vendored spec, in steps that can each be read alone.

`fetching` gets the bytes from a URL, a file or a pipe; `finding` finds the document in them;
`admission` decides whether the document may be vendored.
"""
