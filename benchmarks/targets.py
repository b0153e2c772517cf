"""What each row is to reach. Ratios are to the best peer of the same run, on 1 and on 2 threads."""

from fnmatch import fnmatch

# The first pattern that fits a row's name counts; a row without one has no target.
TARGETS = (
    ("gemm * *x10x*", 1.3),
    ("gemm * 1x*", 1.2),
    ("gemm * *x1x*", 1.2),
    ("gemm * 256x256x256", 1.0),
    ("gemm * 512x512x512", 1.0),
    ("gemm * 1024x1024x1024", 1.0),
    ("gemm *", 1.15),
    ("linear * 32x128", 1.6),
    ("linear *", 1.3),
    ("dropout *", 15.0),
    ("relu large *", 1.0),
    ("* large *", 1.5),
    ("gelu in cache *", 1.7),
    ("tanh in cache *", 1.7),
    ("sigmoid in cache *", 1.7),
    ("softmax 256x1000", 1.7),
    ("softmax 4096x4096", 1.5),
    ("layer_norm * 256x1000", 1.7),
    ("layer_norm * 4096x4096", 1.5),
    ("rms_norm * 4096x1024", 1.5),
    ("batch_norm *", 3.0),
    ("max_pool *", 1.5),
    ("bias gelu dropout residual layer_norm *", 4.0),
    ("conv 3x3 * 8x*", 1.7),
    ("conv 3x3 * 128x*x64 to 64", 1.7),
    ("conv 3x3 * 128x*x128 to 128", 1.7),
    ("conv 3x3 * 128x*x256 to 256", 1.7),
    ("conv 3x3 * *x32 to 32", 1.2),
    ("conv 1x1 *", 1.1),
    ("conv * forward+backward *x1 to 32", 2.0),
    ("conv * forward+backward *x3 to 64", 2.0),
    ("depthwise * forward+backward *", 2.5),
    ("tree_lstm * by level *", 1.5),
    ("lstm forward+backward *", 1.35),
    ("gru forward+backward *", 1.5),
    ("step 2-16-16-1 *", 8.0),
    ("step 784-128-10 batch 32 *", 1.8),
    ("step 784-128-10 batch 128 *", 1.4),
    ("step 784-1024-1024-10 *", 1.2),
    ("step lenet5 *", 3.0),
    ("step vgg *", 1.7),
    ("step resnet8 *", 1.3),
    ("step char-lstm *", 1.25),
    ("step capsnet *", 1.5),
    ("step dcgan *", 1.25),
)

# Of large products, also: the share of the FMA peak on one thread, and how much faster two threads are than one.
LARGE_PRODUCTS = ("gemm * 256x256x256", "gemm * 512x512x512", "gemm * 1024x1024x1024")
SHARE, SCALING = 0.9, 1.9

# A row that is held against one peer, not the best: pattern, peer, ratio.
AGAINST = (
    ("epoch digits *", "sklearn", 4.0),
    ("fit digits *", "sklearn", 4.0),
    ("fit digits *", "keras", 5.0),
    ("tree_lstm * by node *", "wxb by node", 5.0),
)


def target(name: str) -> float | None:
    return next((ratio for pattern, ratio in TARGETS if fnmatch(name, pattern)), None)


def misses(rows: list[dict]) -> list[str]:
    """Return a line for everything below its target, and for every wrong result."""
    one = {row["name"]: row["us"].get("wxb") for row in rows if row["threads"] == 1}
    lines = []
    for row in rows:
        us, ours = row["us"], row["us"].get("wxb")

        def short(what: str, reached: float, wanted: float, row: dict = row) -> None:
            if reached < wanted:
                lines.append(f"{row['name']}, {row['threads']} threads: {what} {reached:.2f}, target {wanted:g}")

        if not ours:
            lines.append(f"{row['name']}, {row['threads']} threads: wrong result")
            continue
        if row["target"] is not None and row["ratio"] is not None:
            short(f"ratio to {row['best_peer']}", row["ratio"], row["target"])
        for pattern, peer, wanted in AGAINST:
            if fnmatch(row["name"], pattern) and peer in us:
                short(f"ratio to {peer}", us[peer] / ours, wanted)
        if any(fnmatch(row["name"], pattern) for pattern in LARGE_PRODUCTS):
            if row["threads"] == 1:
                short("share of the FMA peak", row["share"], SHARE)
            elif row["threads"] == 2 and one.get(row["name"]):
                short("ratio to one thread", one[row["name"]] / ours, SCALING)
    return lines
