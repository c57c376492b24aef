"""From a source that is not trusted to the vendored spec, in steps that each can be read alone.

`fetching` gets the bytes, from a URL, a file or a pipe; `pages` finds the document in a
documentation page, and `restoring` gives it back the line breaks that such a page may have lost;
`admission` says whether a document may be vendored, with `references` for what it refers to.
"""
