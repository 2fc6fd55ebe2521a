"""Prints the benchmark's rows, one JSON object a line on standard input, as a table."""

import json
import sys

print(f"{'what: one, other':<66} {'one':>9} {'other':>9} {'ratio':>6}  goal for one")
for line in sys.stdin:
    row = json.loads(line)
    value, other, goal = row["value"], row["other"], row["goal"]
    said = ""
    if goal is not None:
        said = f"{goal:.0f} {row['unit']}: {'within it' if value <= goal else 'MISSED'}"
    print(f"{row['what']:<66} {value:>9.1f} {other:>9.1f} {value / other:>6.2f}  {said}")
