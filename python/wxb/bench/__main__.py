"""What ``wxb bench`` starts once for each number of threads."""

import sys

from . import main, subset

sys.exit(main([sys.executable, "-m", "wxb.bench"], subset))
