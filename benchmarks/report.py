"""Write the benchmark tables of the README, or list what is below its target.

python benchmarks/report.py [FILE ...]              the newest results, between the markers of README.md
python benchmarks/report.py --misses [FILE ...]     exit status 1 if there are any
"""

import argparse
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

from targets import misses
from wxb.bench import table

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"

# Of all rows, those the README shows.
SHOWN = (
    "step *",
    "epoch *",
    "gemm nn 64x64x64",
    "gemm nn 512x512x512",
    "gemm nt 128x10x512",
    "linear * 32x512",
    "gelu in cache *",
    "relu large *",
    "softmax 256x1000",
    "sum axis -1 4096*",
    "dropout large *",
    "adam update *",
)


def newest() -> list[Path]:
    folder = ROOT / "benchmarks" / "results" / "cpu"
    found = [max(folder.glob(f"*-{kind}.json"), default=None) for kind in ("steps", "kernels")]
    return [path for path in found if path]


def text_of(documents: list[dict]) -> str:
    """Return the tables, a line on the machine above them."""
    parts = []
    for document in documents:
        meta, rows = document["meta"], [row for row in document["rows"] if row["us"]]
        shown = [row for row in rows if any(fnmatch(row["name"], pattern) for pattern in SHOWN)]
        versions = ", ".join(f"{name} {version}" for name, version in meta["versions"].items() if name != "wxb")
        parts.append(f"{meta['cpu']}, {meta['isa']}, {meta['date'][:10]}, commit {meta['commit']}; {versions}.")
        parts.append(table(shown))
    return "\n\n".join(parts)


def write(readme: Path, text: str) -> None:
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{readme}: it must have the lines {BEGIN} and {END}")
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    options = parser.parse_args()
    files = options.files or newest()
    if not files:
        raise SystemExit("report: there are no results; run benchmarks/kernels.py --out")
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    if not options.misses:
        write(options.readme, text_of(documents))
        return 0
    lines = misses([row for document in documents for row in document["rows"]])
    print("\n".join(lines) or "every row reaches its target")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
