#!/bin/sh
# Prints the path of a Python interpreter that can run the AWS emulator, and builds its virtual
# environment first when there is none yet. The only prerequisite is python3 (3.11 or newer) with venv.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
requirements=$here/requirements.txt
python=${PYTHON:-python3}

say() { printf 'aws emulator: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

command -v "$python" >/dev/null 2>&1 || fail "$python not found; Python 3.11 or newer is needed"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; Python 3.11 or newer is needed"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python lacks the venv module (Debian and Ubuntu: apt install python3-venv)"

# The name carries the requirements, so that a changed pin never meets an old environment.
hash=$("$python" -c 'import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:12])' "$requirements")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/payment-platform-controller
venv=$cache/aws-emulator-$hash

if [ ! -e "$venv/complete" ]; then
    mkdir -p "$cache"
    # Python holds the lock: it works where the flock command is missing, and goes with the process.
    "$python" - "$venv" "$requirements" >&2 <<'PYTHON' || fail "the environment could not be built"
import fcntl, pathlib, shutil, subprocess, sys, venv

target, requirements = pathlib.Path(sys.argv[1]), sys.argv[2]
with open(f"{target}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not (target / "complete").exists():
        print(f"aws emulator: building {target} (once, about a minute)", flush=True)
        # What an interrupted run has left behind.
        shutil.rmtree(target, ignore_errors=True)
        venv.create(target, with_pip=True)
        pip = [target / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
        if subprocess.call([*pip, "install", "--quiet", "--requirement", requirements]):
            sys.exit(1)
        (target / "complete").touch()
PYTHON
fi

printf '%s\n' "$venv/bin/python"
