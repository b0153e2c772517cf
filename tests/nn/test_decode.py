"""Greedy and beam search over small automata whose best sequences can be counted out."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn

END, CLASSES = 3, 4


def automaton(rng: np.random.Generator, batch: int) -> Any:
    """Return log probabilities of the next token given the last one, (batch, CLASSES, CLASSES)."""
    logits = rng.standard_normal((batch, CLASSES, CLASSES)) * 2
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def stepper(table: Any, copies: int) -> Any:
    rows = np.repeat(np.arange(len(table)), copies)

    def step(tokens: wxb.Tensor, state: Any) -> tuple[wxb.Tensor, Any]:
        last = tokens.numpy()
        said = last[:, None] if state is None else np.concatenate([state["said"].numpy(), last[:, None]], 1)
        return wxb.tensor(table[rows, last]), {"said": wxb.tensor(said), "none": None}

    return step


def best(table: Any, most: int, penalty: float, count: int) -> list[tuple[list[int], float]]:
    """Try all sequences that end within ``most`` tokens."""
    found = []
    for length in range(most):
        for tokens in itertools.product(range(3), repeat=length):
            whole = [0, *tokens, END]
            score = sum(table[a, b] for a, b in itertools.pairwise(whole))
            found.append((list(tokens), float(score / ((6 + length) / 6) ** penalty)))
    return sorted(found, key=lambda f: -f[1])[:count]


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_finds_the_best(rng: np.random.Generator, penalty: float) -> None:
    table = automaton(rng, 3)
    table[:, :3, END] += 1
    found = nn.beam_search(stepper(table, 400), 3, 0, END, 5, 400, penalty, 3)
    # The search normalises the logits it is given once more.
    table -= np.log(np.exp(table).sum(-1, keepdims=True))
    for mine, of in zip(found, table):
        for (tokens, score), (wanted, value) in zip(mine, best(of, 5, penalty, 3)):
            assert tokens == wanted
            assert math.isclose(score, value, rel_tol=1e-4)


def test_one_beam_is_greedy(rng: np.random.Generator) -> None:
    table = automaton(rng, 5)
    greedy = nn.greedy_search(stepper(table, 1), 5, 0, END, 8)
    assert [h[0][0] for h in nn.beam_search(stepper(table, 1), 5, 0, END, 8, 1)] == greedy
    for said, of in zip(greedy, table):
        tokens = [0, *said]
        assert all(of[a].argmax() == b for a, b in itertools.pairwise(tokens))
        assert len(said) == 8 or of[tokens[-1]].argmax() == END


def test_the_state_follows_its_beam(rng: np.random.Generator) -> None:
    """A state that holds all tokens said so far is always that of the beginning it extends."""
    table, histories = automaton(rng, 2), []
    inner = stepper(table, 3)

    def step(tokens: wxb.Tensor, state: Any) -> tuple[wxb.Tensor, Any]:
        logits, state = inner(tokens, state)
        histories.append(state["said"].numpy())
        return logits, state

    found = nn.beam_search(step, 2, 0, END, 4, 3)
    said = {tuple(row[1:]) for history in histories for row in history}
    for hypotheses in found:
        for tokens, _ in hypotheses:
            assert tuple(tokens) in said or tuple(tokens[:-1]) in said


def test_what_never_ends_is_cut(rng: np.random.Generator) -> None:
    table = automaton(rng, 1)
    table[..., END] = -1e9
    [[(tokens, score)]] = nn.beam_search(stepper(table, 2), 1, 0, END, 6, 2)
    assert len(tokens) == 6 and math.isfinite(score)
    assert len(nn.greedy_search(stepper(table, 1), 1, 0, END, 6)[0]) == 6


def test_bad_arguments_are_refused(rng: np.random.Generator) -> None:
    step = stepper(automaton(rng, 1), 1)
    with pytest.raises(ValueError, match="n_best is 3, it must not be above beam_size 2"):
        nn.beam_search(step, 1, 0, END, 5, 2, n_best=3)
    with pytest.raises(ValueError, match="beam_size is 0, it must be an integer from 1 on"):
        nn.beam_search(step, 1, 0, END, 5, 0)
    with pytest.raises(ValueError, match="max_length is 0"):
        nn.greedy_search(step, 1, 0, END, 0)
    with pytest.raises(ValueError, match="there must be at least 2"):
        nn.beam_search(lambda t, s: (wxb.tensor(np.zeros((1, 1))), s), 1, 0, 0, 3, 1)
