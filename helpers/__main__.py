"""The command line of the course: ``python -m helpers COMMAND``. Each make target calls one of these commands."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers import commands

BACKENDS = (
    "torch-fp32",
    "torch-fp16",
    "torch-bf16",
    "torch-compiled",
    "onnx-fp32",
    "onnx-int8",
    "openvino-fp32",
    "openvino-bf16",
    "openvino-int8",
    "flash-attention",
)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(prog="python -m helpers", description="Commands of the course on local text embeddings.")
    sub = root.add_subparsers(dest="command", required=True, metavar="COMMAND")

    build = sub.add_parser("build", help="execute the lessons and store them as notebooks")
    build.add_argument("--lesson", metavar="NN", help="one lesson only, for example 03; or cheat_sheet")
    build.add_argument("--text-only", action="store_true", help="execute nothing: refresh prose and quizzes, keep the stored outputs")
    build.set_defaults(run=lambda options, rest: commands.build_notebooks(options.lesson, text_only=options.text_only))

    sheet = sub.add_parser("cheat-sheet", help="write the cheat sheet as a page to print: build/cheat_sheet.html")
    sheet.set_defaults(run=lambda options, rest: commands.write_cheat_sheet())

    lab = sub.add_parser("lab", help="open JupyterLab at the first lesson; further options go to JupyterLab")
    lab.set_defaults(run=lambda options, rest: commands.start_lab(rest))

    test = sub.add_parser("test", help="run every check")
    test.add_argument("--lesson", metavar="NN", help="only the stored outputs and the exercises of one lesson, for example 03")
    test.set_defaults(run=lambda options, rest: commands.check_everything(options.lesson))

    html = sub.add_parser("html", help="make a site of static pages in build/html")
    html.set_defaults(run=lambda options, rest: commands.make_site())

    doctor = sub.add_parser("doctor", help="is this machine ready? one line a check")
    doctor.set_defaults(run=lambda options, rest: commands.examine_machine())

    _add_benchmarks(sub)
    _add_workshop(sub)
    return root


def _add_workshop(sub: Any) -> None:
    slides = sub.add_parser("slides", help="write slides with speaker notes into build/slides")
    slides.add_argument("--lesson", metavar="NN", help="one lesson only, for example 03")
    slides.set_defaults(run=lambda options, rest: commands.write_slides(options.lesson))

    syllabus = sub.add_parser("syllabus", help="write timetables and instructor notes into build/workshop")
    syllabus.add_argument("--start", default="09:00", metavar="HH:MM", help="when a day begins (default 09:00)")
    syllabus.set_defaults(run=lambda options, rest: commands.write_syllabus(options.start))

    bundle = sub.add_parser("workshop-bundle", help="collect everything for machines without a network in build/workshop-bundle")
    bundle.add_argument("--torch-index", default="", metavar="URL", help="where torch comes from, for example the index of its CPU build")
    bundle.set_defaults(run=lambda options, rest: commands.bundle_workshop(options.torch_index))


def _add_benchmarks(sub: Any) -> None:
    models = sub.add_parser("benchmark", help="compare models, backends, batch sizes and lengths on this machine")
    models.add_argument("models", nargs="*", metavar="MODEL", default=["all-MiniLM-L6-v2"], help="names of the catalog, ids or folders")
    models.add_argument("--backends", nargs="+", metavar="NAME", default=["torch-fp32"], help=f"of {', '.join(BACKENDS)}")
    models.add_argument("--batch-sizes", nargs="+", type=int, metavar="N", default=[32], help="texts a batch (default 32)")
    models.add_argument("--lengths", nargs="+", type=_length, metavar="N", help="tokens a text (default 128); own: as in the file")
    models.add_argument("--devices", nargs="+", metavar="NAME", default=["cpu"], help="cpu, cuda, mps … (default cpu)")
    models.add_argument("--texts", type=Path, metavar="FILE", help="your own texts, one a line, in UTF-8")
    models.add_argument("--rounds", type=int, metavar="N", default=5, help="interleaved rounds (default 5)")
    models.add_argument("--no-memory", action="store_true", help="leave out peak memory, which takes some seconds for each model")
    models.add_argument("--no-quality", action="store_true", help="leave out quality")
    models.add_argument("--output", type=Path, metavar="FILE.json", help="write the figures, the machine and the versions as JSON")
    models.add_argument("--add", action="store_true", help="keep the rows of the report in FILE.json, and add to them")
    models.add_argument("--plot", type=Path, metavar="FILE.png", help="draw a picture")
    models.set_defaults(run=lambda o, rest: _compare_models(o))

    search = sub.add_parser("benchmark-search", help="compare ways to search many vectors on this machine")
    search.add_argument("--vectors", type=int, metavar="N", default=1_000_000, help="how many (default 1,000,000)")
    search.add_argument("--rounds", type=int, metavar="N", default=3, help="interleaved rounds (default 3)")
    search.add_argument("--output", type=Path, metavar="FILE.json", help="write the figures as JSON too")
    search.set_defaults(run=lambda o, rest: commands.run_search_benchmark(o.vectors, o.rounds, o.output))

    course = sub.add_parser("benchmark-course", help="how long the parts of the course take on this machine")
    course.add_argument("--rounds", type=int, default=3, metavar="N", help="interleaved rounds (default 3)")
    course.add_argument("--no-lessons", action="store_true", help="leave out the lessons, which take minutes")
    course.add_argument("--output", type=Path, metavar="FILE.json", help="write the figures as JSON too")
    course.set_defaults(run=lambda o, rest: commands.run_course_benchmark(o.rounds, lessons=not o.no_lessons, output=o.output))


def _length(word: str) -> int | str:
    return word if word == "own" else int(word)


def _compare_models(options: argparse.Namespace) -> int:
    return commands.run_benchmark(
        options.models,
        texts=options.texts,
        output=options.output,
        add=options.add,
        picture=options.plot,
        backends=options.backends,
        batch_sizes=options.batch_sizes,
        lengths=options.lengths,
        devices=options.devices,
        rounds=options.rounds,
        memory=not options.no_memory,
        quality=not options.no_quality,
    )


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
