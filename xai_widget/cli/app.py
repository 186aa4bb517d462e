"""The console script: one group of commands."""

from typing import Final

import click

from xai_widget._version import __version__
from xai_widget.cli.cohort import cohort
from xai_widget.cli.explain import explain
from xai_widget.cli.methods import methods
from xai_widget.cli.report import report

NAME: Final = "xai-widget"


@click.group(
    NAME,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 all is done, 1 some inputs failed (the others are done), 2 the command cannot be carried out.",
)
@click.version_option(__version__, prog_name=NAME)
def group() -> None:
    r"""Ask an image classifier why: heat maps from a shell.

    \b
    Try it without a model or a picture of your own:
      python -c "from xai_widget.examples import photo; photo('cat').save('cat.png')"
      xai-widget explain cat.png --model examples:mosaic_net
    """


for command in (explain, cohort, report, methods):
    group.add_command(command)
# Docstrings are raw, and click takes the character alone for "as it is written".
for each in (group, *group.commands.values()):
    each.help = (each.help or "").replace(r"\b", "\b")


def main() -> None:
    """Run the command line, and leave Python with its exit code."""
    group(prog_name=NAME)
