"""`modelgates completion`: print the script that completes the command in a shell."""

from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from modelgates_client.cli import COMMANDS
from modelgates_client.cli.app import NAME, app
from modelgates_client.cli.output import Stdout

_SHELLS: Final = ("bash", "zsh", "fish")

_RECIPES: Final = """\
\b
bash:  eval "$(modelgates completion bash)"   in ~/.bashrc
zsh:   eval "$(modelgates completion zsh)"    in ~/.zshrc
fish:  modelgates completion fish | source    in ~/.config/fish/config.fish
"""


@app.command(epilog=_RECIPES, help=COMMANDS["completion"].summary)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.help_option("-h", "--help")
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click does not know {shell}")
    variable = f"_{NAME.upper()}_COMPLETE"
    # Not the method of the bash class, which starts bash to check its version.
    Stdout().write(ShellComplete.source(kind(app, {}, NAME, variable)))
