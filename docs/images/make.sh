#!/usr/bin/env bash
# make.sh SWEEP: the pictures of README.md from a sweep's directory, with the gluepot on PATH.
# Needs Chromium, and Python with Pillow (PYTHON).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); sweep=$1; python=${PYTHON:-python3}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# The comparison as a terminal of this width shows it.
COLUMNS=${COLUMNS:-128} NO_COLOR=1 gluepot compare "$sweep" >"$work/compare.txt"
"$python" - "$work/compare.txt" "\$ gluepot compare $(basename "$sweep" | sed 's/^[^_]*_//')" >"$here/compare.svg" <<'PY'
import html, sys
lines = [sys.argv[2]] + open(sys.argv[1]).read().rstrip("\n").split("\n")
width, height, margin = 7.225, 18, 16
w, h = max(map(len, lines)) * width + 2 * margin, len(lines) * height + 2 * margin
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" height="{h:.0f}" role="img" aria-label="Output of gluepot compare">')
print("<style>text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d8dee9;white-space:pre}.prompt{fill:#8fbcbb}.said{fill:#ebcb8b}</style>")
print(f'<rect width="{w:.0f}" height="{h:.0f}" rx="8" fill="#20242c"/>')
for number, line in enumerate(lines):
    kind = "prompt" if number == 0 else "said" if "No evidence that" in line or " scored " in line else ""
    attribute = f' class="{kind}"' if kind else ""
    if line.strip():
        print(f'<text x="{margin}" y="{margin + 13 + number * height}" textLength="{len(line) * width:.1f}" lengthAdjust="spacingAndGlyphs" xml:space="preserve"{attribute}>{html.escape(line)}</text>')
print("</svg>")
PY

# The top of the report, at twice the resolution, in 64 colors.
gluepot report "$sweep" -o "$work/report.html" >/dev/null
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=2 --window-size="${SIZE:-1100,1040}" \
    --user-data-dir="$work/profile" --screenshot="$work/report.png" "file://$work/report.html" >/dev/null 2>&1
"$python" - "$work/report.png" "$here/report.png" <<'PY'
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").quantize(64).save(sys.argv[2], optimize=True)
PY
ls -l "$here"
