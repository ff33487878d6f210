"""`python -m roomline`."""

from __future__ import annotations

from roomline.cli import main

if __name__ == "__main__":
    main()
