"""Can mailgate be run as `python -m mailgate`? It can: this hands over to the command line and holds nothing else."""

from __future__ import annotations

from mailgate.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
