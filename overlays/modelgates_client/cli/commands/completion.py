"""`modelgates completion`: print the script that completes the command in a shell."""

from typing import Literal

import click
from attrs import frozen
from click.shell_completion import ShellComplete, get_completion_class

from modelgates_client.cli.app import NAME, app, command
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.options import argument
from modelgates_client.cli.output import Stdout
from modelgates_client.cli.statuses import Status


@frozen(kw_only=True)
class CompletionOptions:
    """The argument of `completion`."""

    shell: Literal["bash", "zsh", "fish"] = argument(type=click.Choice(("bash", "zsh", "fish")))


@command(
    CompletionOptions,
    summary="Print the completion script for a shell.",
    details="""
    \b
    bash:  eval "$(modelgates completion bash)"   in ~/.bashrc
    zsh:   eval "$(modelgates completion zsh)"    in ~/.zshrc
    fish:  modelgates completion fish | source    in ~/.config/fish/config.fish
    """,
)
def completion(options: CompletionOptions, _: Messages) -> Status:
    """Run `modelgates completion`.

    Raises:
        ReaderGoneError: The reader has closed the output.
        UnwritableError: The output cannot be written.
    """
    kind = get_completion_class(options.shell)
    if kind is None:
        raise click.UsageError(f"click does not know {options.shell}")
    variable = f"_{NAME.upper()}_COMPLETE"
    # Not the method of the bash class, which starts bash to check its version.
    Stdout().write(ShellComplete.source(kind(app, {}, NAME, variable)))
    return Status.OK
