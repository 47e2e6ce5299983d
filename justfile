# Recipes for `just` (https://just.systems). Each is one or two commands that can also be typed.

# List the recipes
default:
    @just --list

# The fast tier: everything that takes no more than moments
fast:
    cargo test --release --locked

# Every test that this machine allows; says what it leaves out
test *ARGUMENTS:
    tests/all.sh {{ARGUMENTS}}

# Formatting, lints, documentation
lint:
    cargo fmt --all --check
    cargo clippy --release --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps --document-private-items

# Accept what the program prints now as the snapshots, then look at the difference
snapshots:
    INSTA_UPDATE=always cargo test --release --locked
    git diff --stat -- '*.snap'

# Compute the reference values anew with PyTorch, transformers, SciPy and scikit-learn (PYTHON: an interpreter that has them)
golden PYTHON="python3":
    {{PYTHON}} tests/reference/make_golden.py experiments/quickstart tests/golden/tiny
    {{PYTHON}} tests/reference/make_statistics.py tests/golden/statistics.json
    {{PYTHON}} tests/reference/make_tokenizers.py tests/golden/tokenizer/golden.json
    git diff --stat -- tests/golden

# Do two builds write the same bytes?
same-bytes OLD NEW="target/release/gluepot":
    tests/same-bytes.sh {{OLD}} {{NEW}}

# Everything that must pass before a merge
ci:
    .ci/run
