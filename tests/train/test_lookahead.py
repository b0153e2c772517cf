"""Lookahead: the slow weights are those of its formula."""

import numpy as np
import pytest
import wxb
from wxb import nn, optim
from wxb.train import Callback, Lookahead, Trainer


class Weights(Callback):
    """Keeps the weights after every update, before a callback behind it sees them."""

    def on_fit_begin(self, trainer):
        self.kept = [trainer.model.weight.numpy()]

    def on_batch_end(self, trainer):
        self.kept.append(trainer.model.weight.numpy())


def fit(*callbacks):
    wxb.seed(0)
    model = nn.Linear(3, 1)
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    trainer = Trainer(model, "mse", optim.SGD(model.parameters(), 0.1))
    trainer.fit(x, x.sum(1, keepdims=True), epochs=1, batch_size=8, callbacks=callbacks)
    return model.weight.numpy()


def test_slow_weights_follow_the_fast_ones():
    fast = Weights()
    last = fit(fast, Lookahead(2, lambda steps: 0.25 * steps / 4))
    slow = fast.kept[0]
    for step, share in ((2, 0.125), (4, 0.25)):
        slow = slow + np.float32(share) * (fast.kept[step] - slow)
    np.testing.assert_array_equal(last, slow)


def test_share_one_is_plain_training_up_to_the_last_multiple():
    plain = Weights()
    fit(plain)
    np.testing.assert_allclose(fit(Lookahead(5, 1.0)), plain.kept[5], rtol=1e-6)


@pytest.mark.parametrize("every, share, words", [(0, 0.5, "every is 0"), (1, 1.5, r"share is 1\.5")])
def test_bad_values(every, share, words):
    with pytest.raises(ValueError, match=words):
        Lookahead(every, share)
