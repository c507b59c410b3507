# shellcheck shell=bash
# Sourced by lock and check-wheels: uv, in a folder that goes away. Devices never need it.

UV_VERSION=0.13.9

# Sets `uv` to the program's path.
bring_uv() {
    local dir name
    dir=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now
    trap "rm -rf '$dir'" EXIT
    python3 -m venv "$dir"
    "$dir/bin/python" -m pip install -q --disable-pip-version-check "uv==$UV_VERSION"
    # shellcheck disable=SC2034  # for the script that sources this
    uv=$dir/bin/uv

    # What one machine has set up (local wheels, extra indexes) must not decide what is pinned. A mirror may stay.
    for name in ${!UV_@}; do
        [[ $name == UV_DEFAULT_INDEX || $name == UV_VERSION ]] || unset "$name"
    done
    export UV_NO_CONFIG=1 UV_SYSTEM_CERTS=1
}
