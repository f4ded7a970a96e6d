"""What a profile would still compute, before it does: `./run_all.sh paper --dry-run`.

The one file of the library that knows all three parts; no other imports it.
"""

import argparse
import sys

from lib.adversarial import workload as adversarial
from lib.book.files import REPOSITORY
from lib.book.profiles import PROFILES
from lib.faces.runs import workload as faces
from lib.runs import code, results, workload
from lib.sound.runs import workload as sound

PARTS = {"part1": sound.of, "part2": faces.of, "part3": adversarial.of}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 1 where data are missing or bad."""
    parser = argparse.ArgumentParser(prog="python -m lib.dry_run")
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("jobs", type=int, help="runs at a time")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    options = parser.parse_args(arguments)
    if not options.parts:
        print("these chapters compute nothing of their own; name others, or none for all")
        return 0
    try:
        workload.report(
            options.profile, {part: PARTS[part] for part in options.parts}, options.jobs
        )
        code.tell_older(results.root(), REPOSITORY)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        print(f"run_all.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
