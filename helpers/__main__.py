"""The command line of the course: ``python -m helpers COMMAND``. Each make target calls one of these commands."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from helpers import commands


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(prog="python -m helpers", description="Commands of the course on local text embeddings.")
    sub = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    build = sub.add_parser("build", help="execute the lessons and store them as notebooks")
    build.add_argument("--lesson", metavar="NN", help="one lesson only, for example 03")
    build.set_defaults(run=lambda options, rest: commands.build_notebooks(options.lesson))

    lab = sub.add_parser("lab", help="open JupyterLab at the first lesson; further options go to JupyterLab")
    lab.set_defaults(run=lambda options, rest: commands.start_lab(rest))

    test = sub.add_parser("test", help="run every check")
    test.set_defaults(run=lambda options, rest: commands.check_everything())

    doctor = sub.add_parser("doctor", help="is this machine ready? one line a check")
    doctor.set_defaults(run=lambda options, rest: commands.examine_machine())

    benchmark = sub.add_parser("benchmark", help="how long the parts of the course take on this machine")
    benchmark.add_argument("--rounds", type=int, default=3, metavar="N", help="interleaved rounds (default 3)")
    benchmark.add_argument("--no-lessons", action="store_true", help="leave out the lessons, which take minutes")
    benchmark.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON too")
    benchmark.set_defaults(run=lambda o, rest: commands.run_benchmark(o.rounds, lessons=not o.no_lessons, output=o.output))
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 all is well, 1 something is wrong, 130 stopped by Ctrl-C."""
    root = parser()
    options, rest = root.parse_known_args(arguments)
    if rest and options.command != "lab":
        root.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return int(options.run(options, rest))
    except KeyboardInterrupt:
        print("\nStopped. Nothing half-written stays behind; run the command again to go on.", file=sys.stderr)
        return 130
    except (RuntimeError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
