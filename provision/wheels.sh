# shellcheck shell=bash
# Sourced by install: which Python packages a release has, and a folder of them for a device without a network. Its
# say, die and extra are used, and its options extras, make_bundle, python_version and machine.
# shellcheck disable=SC2154  # which are all of install's

LGPIO_PYTHON=3.11 # the last one that lgpio has wheels for; Debian 13 and Raspberry Pi OS have python3-lgpio

device='' # for another machine than this one, as an option of select_locked.py

# locked WITHOUT...: the pins of a release. Debian brings systemd-python, and lgpio where it has it: neither needs a
# compiler then.
locked() {
    # shellcheck disable=SC2086  # lists of words
    "$PYTHON" "$root/provision/select_locked.py" $extras $device --without systemd-python "$@"
    # shellcheck disable=SC2086
    "$PYTHON" "$root/provision/select_locked.py" $device --only build
}

make_bundle() {
    local platform platforms=() list without=()
    for platform in manylinux_2_36 manylinux_2_35 manylinux_2_34 manylinux_2_31 manylinux_2_28 manylinux_2_27 \
        manylinux_2_26 manylinux_2_24 manylinux_2_17 manylinux2014; do
        platforms+=(--platform "${platform}_$machine")
    done
    [[ $python_version == "$LGPIO_PYTHON" ]] || without=(lgpio)
    PYTHON=python3
    device="--for $python_version $machine"
    list=$(mktemp)
    locked "${without[@]}" >"$list"
    mkdir -p "$make_bundle"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        --python-version "$python_version" "${platforms[@]}" -r "$list" -d "$make_bundle" ||
        die "the packages could not be fetched; pip's own words are above"
    rm -f "$list"
    say "$make_bundle is for Python $python_version on $machine: $(du -sh "$make_bundle" | cut -f 1)"
}
