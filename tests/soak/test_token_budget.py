"""What batches by tokens win on the documentation corpus, against encode at its own best batch size.

Run with ``python -m pytest -m soak -s tests/soak/test_token_budget.py`` on a machine that does nothing else.
"""

from functools import partial
from typing import Any

import numpy as np
import pytest

from helpers import corpus, hub, timing
from helpers.encoding import encode_by_token_budget

pytestmark = pytest.mark.soak
ROUNDS = 5
BATCH_SIZES = (4, 8, 16, 32, 64, 128)
BUDGETS = (256, 512, 1024, 2048, 4096)


def test_throughput_on_texts_of_mixed_length() -> None:
    hub.activate()
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer("all-MiniLM-L6-v2", device="cpu")
    texts = [entry.text for entry in corpus.api_docs()][::3]
    tasks: dict[str, Any] = {f"encode, batches of {size} texts": partial(model.encode, texts, batch_size=size) for size in BATCH_SIZES}
    for budget in BUDGETS:
        tasks[f"batches of {budget} tokens"] = partial(encode_by_token_budget, model, texts, max_tokens=budget)
    timings = timing.measure(tasks, ROUNDS)
    best = min((each for each in timings if each.task.startswith("encode")), key=lambda each: each.median)
    ratios = {each.task: np.array(best.seconds) / np.array(each.seconds) for each in timings}
    print(f"\n{len(texts)} texts of the documentation; texts a second, and the ratio to {best.task!r} within a round: median, min, max")
    for each in timings:
        ratio = ratios[each.task]
        print(f"{each.task:32}{len(texts) / each.median:7.0f}/s  {np.median(ratio):.2f}  {ratio.min():.2f}  {ratio.max():.2f}")
    assert max(np.median(ratios[each.task]) for each in timings if not each.task.startswith("encode")) >= 1.1
